"""Landing: where frames arrive, and the taking of turns among threads that wait for what they bring."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from hetero.pipeline.channel import Channel, Seat

T = TypeVar("T")


class Landing:
    """Frames are received by whichever thread waits for one: handing them on takes longer than a short stage.

    A thread of its own, the attendant, receives them from when somebody wants to be told without waiting.

    lock       guards what is waited for
    receive    is given the address of every frame that has arrived, by one thread at a time, without the lock. An
               interrupt of that thread may have it given the same one again
    coming     whether any frame is on its way; asked with the lock held
    """

    def __init__(self, lock: threading.Lock, receive: Callable[[int], None], coming: Callable[[], bool]) -> None:
        # The lock is taken as such: taking it by way of a Condition is Python, where an interrupt can leave it closed.
        self._lock, self._changed = lock, threading.Condition(lock)
        self._receive, self._coming = receive, coming
        self._channel, self._seat = Channel(), Seat()
        self._taker: int | None = None  # the thread whose turn it is
        self._waiters = 0  # threads that wait to be told of changes, or more
        self._attendant: threading.Thread | None = None
        self.address = self._channel.address

    def wait(self, until: Callable[[], T | None]) -> T:
        """Receive what has arrived, then return what is asked for as soon as it is true; asked with the lock held."""
        hasty = self._channel.waiting
        while not (found := self._turn(until, hasty)):
            hasty = False
        return found

    def tell(self) -> None:
        """Let all who wait look whether what they wait for is true; the lock is held."""
        self._notify()
        if self._taker not in (None, threading.get_ident()):
            self._channel.wake()

    def forget(self, address: int) -> None:
        """Take a frame for one that has not arrived: its route is travelled anew."""
        if self._seat.mail == address:
            self._seat.clear()

    def attend(self) -> None:
        """Have the attendant receive, from the next frame on; the lock is held."""
        if self._attendant is None:
            self._attendant = threading.Thread(target=self._serve, name="hetero-results", daemon=True)
            self._attendant.start()
        attendant = self._attendant
        self._wait_for(lambda: self._taker == attendant.ident)

    def close(self) -> None:
        """Let the attendant go; nothing more will arrive."""
        self._channel.close()

    def join(self) -> None:
        """Return when the attendant has gone."""
        if self._attendant is not None:
            self._attendant.join()

    def serving(self) -> bool:
        """Whether this thread is the attendant."""
        return threading.current_thread() is self._attendant

    def _turn(self, until: Callable[[], T | None], hasty: bool) -> T | None:
        """What is asked for if it is true; if not, receive what arrives next, or wait while another does.

        The hasty receive what has arrived before they ask, and do not wait. An interrupt may come at any moment.
        """
        me = threading.get_ident()
        try:
            with self._lock:
                if not hasty and (found := until()):
                    return found
                if self._taker is None and self._coming():
                    self._taker = me
                elif not hasty:
                    self._wait()
            if self._taker == me:
                self._take(wait=not hasty)
            return None
        finally:
            if self._taker == me:
                with self._lock:
                    self._taker = None
                    self._notify()

    def _take(self, wait: bool) -> None:
        """Receive all that has arrived. What was taken stays in the seat till then: no interrupt can lose it."""
        address = self._seat.mail or self._channel.take(self._seat, wait)
        while address:
            self._receive(address)
            self._seat.clear()
            address = self._channel.take(self._seat, wait=False)

    def _wait_for(self, until: Callable[[], bool]) -> None:
        while not until():
            self._wait()

    def _wait(self) -> None:
        self._waiters += 1
        try:
            self._changed.wait()
        finally:
            self._waiters -= 1

    def _notify(self) -> None:
        """Tell who waits. There seldom is anybody, and a condition takes its time to find that out."""
        if self._waiters:
            self._changed.notify_all()

    def _serve(self) -> None:
        """The attendant's life."""
        with self._lock:
            self._wait_for(lambda: self._taker is None)
            self._taker = threading.get_ident()
            self._notify()
        while self._channel.waiting or not self._channel.closed:
            self._take(wait=True)
