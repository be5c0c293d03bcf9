"""Channel: frames waiting for one device, the oldest first."""

from __future__ import annotations

import time

import numpy as np

from hetero.pipeline import duty, relay
from hetero.pipeline.bell import Bell
from hetero.pipeline.clock import Clock
from hetero.pipeline.route import Route


class Channel:
    """Any thread puts, a device's workers take; `Seat` says where each of them sleeps.

    ahead      frames that a worker begins before it has ended the first
    clock      that tells when stages begin and end
    """

    def __init__(self, ahead: int = 0, clock: Clock | None = None) -> None:
        self._words = np.zeros(relay.POST_WORDS, np.int64)
        self._clock = clock or Clock(time.perf_counter)
        self._words[relay.AHEAD], self._words[relay.CLOCK] = ahead, self._clock.address
        self.ahead, self.address = ahead, self._words.ctypes.data
        for native in (duty.serve, relay.take):  # made here: whoever cannot compile them is told so
            native.prepare()

    @property
    def waiting(self) -> bool:
        """Whether a frame waits here."""
        return bool(self._words[relay.FIRST])

    @property
    def closed(self) -> bool:
        """Whether nothing more will be put."""
        return bool(self._words[relay.CLOSED])

    def put(self, route: Route) -> None:
        """Let the frame on a route wait here, or begin at once."""
        relay.put.brief(self.address, route.address)

    def withdraw(self, route: Route) -> bool:
        """Take a frame back that waits here for its first stage; False where it has begun, or gone on."""
        return bool(relay.withdraw.brief(self.address, route.address))

    def take(self, seat: Seat, wait: bool = True) -> int:
        """Address of the oldest frame, as soon as there is one if need be.

        0 where there is none and nobody waits, the channel is closed, others are to wake, or a signal has come.
        """
        found = relay.take.brief(self.address, seat.address, 0) or (wait and relay.take(self.address, seat.address, 1))
        return int(found)

    def serve(self, seat: Seat) -> None:
        """Take frames and run the stage that is due, until the channel is closed and empty."""
        duty.serve(self.address, seat.address)

    def wake(self) -> None:
        """Let those who wait to take go, empty-handed."""
        relay.wake.brief(self.address)

    def close(self) -> None:
        """Let those who take go once nothing waits."""
        relay.close.brief(self.address)


class Seat:
    """What one thread needs to sleep at a channel and to remember what it has begun."""

    def __init__(self, ahead: int = 0) -> None:
        self._words = np.zeros(relay.RING + ahead + 1, np.int64)
        self._bell = Bell()
        self._words[relay.BELL] = self._bell.address
        self.address = self._words.ctypes.data

    @property
    def mail(self) -> int:
        """Address of the frame taken last; 0 where there was none, or since `clear`."""
        return int(self._words[relay.MAIL])

    def clear(self) -> None:
        """Forget the frame taken last."""
        self._words[relay.MAIL] = 0
