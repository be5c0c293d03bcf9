"""Landing: where frames arrive, and the taking of turns among threads that wait for what they bring."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hetero.pipeline.channel import Channel, Seat


class Landing:
    """Frames are received by whichever thread waits for one: handing them on takes longer than a short stage.

    A thread of its own, the attendant, receives them from when somebody wants to be told without waiting.

    changed    told when something may have changed for those who wait; its lock is held in all that follows, but for
               `close`, `join` and `serving`
    receive    is given the address of every frame that has arrived; without the lock, by one thread at a time
    coming     whether any frame is on its way
    """

    def __init__(
        self, changed: threading.Condition, receive: Callable[[int], None], coming: Callable[[], bool]
    ) -> None:
        self._changed, self._receive, self._coming = changed, receive, coming
        self._channel, self._seat = Channel(), Seat()
        self._taker: threading.Thread | None = None  # whose turn it is
        self._attendant: threading.Thread | None = None
        self.address = self._channel.address

    def wait(self, until: Callable[[], bool]) -> None:
        """Receive what has arrived, then return as soon as something is true."""
        if self._channel.waiting:
            self._turn(wait=False)
        while not until():
            if not self._turn(wait=True):
                self._changed.wait()

    def tell(self) -> None:
        """Let all who wait look whether what they wait for is true."""
        self._changed.notify_all()
        if self._taker not in (None, threading.current_thread()):
            self._channel.wake()

    def attend(self) -> None:
        """Have the attendant receive, from the next frame on."""
        if self._attendant is None:
            self._attendant = threading.Thread(target=self._serve, name="hetero-results", daemon=True)
            self._attendant.start()
        self._changed.wait_for(lambda: self._taker is self._attendant)

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

    def _turn(self, wait: bool) -> bool:
        """Receive what has arrived, or does next; False where that is for another to do, or nothing is coming."""
        if self._taker is not None or not self._coming():
            return False
        self._taker = threading.current_thread()
        self._changed.release()
        try:
            self._take(wait)
        finally:
            self._changed.acquire()
            self._taker = None
            self._changed.notify_all()
        return True

    def _take(self, wait: bool) -> None:
        """Receive all that has arrived. What was taken stays in the seat till then: no interrupt can lose it."""
        address = self._seat.mail or self._channel.take(self._seat, wait)
        while address:
            self._receive(address)
            self._seat.clear()
            address = self._channel.take(self._seat, wait=False)

    def _serve(self) -> None:
        """The attendant's life."""
        with self._changed:
            self._changed.wait_for(lambda: self._taker is None)
            self._taker = threading.current_thread()
            self._changed.notify_all()
        while self._channel.waiting or not self._channel.closed:
            self._take(wait=True)
