"""Guarded: a recording that refuses to touch shared memory that its device does not own."""

from __future__ import annotations

from collections.abc import Mapping

from engine.devices.device import Recording
from hetero.memory.shared import OwnershipError, Shared, Side


class GuardedRecording(Recording):
    """A recording with what it touches of the memory that both sides see (tensor -> Shared).

    Every run raises OwnershipError, naming the tensor, unless all that is its side's from beginning to end.
    """

    def __init__(self, recording: Recording, side: Side, touched: Mapping[str, Shared]) -> None:
        self._recording, self._side, self._touched = recording, side, touched

    def start(self) -> None:
        """Begin one run."""
        self._check()
        self._recording.start()
        self._check()

    def wait(self) -> None:
        """Return when everything started has ended."""
        self._recording.wait()

    def profile(self) -> list[float]:
        """Run once and return the seconds each step took."""
        self._check()
        return self._recording.profile()

    def _check(self) -> None:
        for name, shared in self._touched.items():
            try:
                shared.check(self._side)
            except OwnershipError as error:
                raise OwnershipError(f"{name}: {error}") from None
