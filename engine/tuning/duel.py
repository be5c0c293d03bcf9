"""Duel: two ways to compute the same, timed by turns, so that whatever else the machine does falls on both."""

from __future__ import annotations

import time

from engine.devices.alone import Alone
from engine.devices.device import Device

BATCH = 3e-3  # seconds of one measurement, about
COPIES = 16  # launches recorded one behind the other, so that Python hardly takes part


class Runner:
    """One way: its launches, several times over, and its shortest time so far."""

    def __init__(self, device: Device, alone: Alone) -> None:
        self._alone = alone  # keeps the memory
        self._copies, self._loops = 1, 1
        self._recording = device.record(alone.bound)
        self._measured()
        often = BATCH / max(self._measured(), 1e-7)
        self._copies = max(1, min(COPIES, round(often)))
        self._loops = max(1, round(often / self._copies))
        self._recording = device.record(alone.bound * self._copies)
        self.seconds = float("inf")

    def run(self) -> None:
        """Measure once more; the shortest counts."""
        self.seconds = min(self.seconds, self._measured())

    def _measured(self) -> float:
        begin = time.perf_counter()
        for _ in range(self._loops):
            self._recording.start()
        self._recording.wait()
        return (time.perf_counter() - begin) / (self._loops * self._copies)


def duel(one: Runner, other: Runner, rounds: int) -> float:
    """The shortest time of one over that of the other, after so many rounds more; A B, B A, and so on."""
    for number in range(rounds):
        for runner in (one, other) if number % 2 else (other, one):
            runner.run()
    return one.seconds / other.seconds
