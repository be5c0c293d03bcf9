"""Route: a variant's stages on one slot, as the words by which workers pass a frame on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hetero.pipeline import relay
from hetero.pipeline.clock import SECOND
from hetero.pipeline.stage import Stage
from hetero.statistics import Execution

Words = np.ndarray[Any, np.dtype[np.int64]]


class Route:
    """Travelled by one frame at a time.

    stages     of the variant
    posts      device -> address of its post
    landing    address of the post where the frame arrives after its last stage, or one that failed
    """

    def __init__(self, stages: Sequence[Stage], slot: Any, posts: Mapping[str, int], landing: int) -> None:
        self.devices = tuple(stage.device for stage in stages)
        self._commands = [stage.commands(slot) for stage in stages]
        lists = [[_rows(each) for each in commands] for commands in self._commands]
        self._times = np.zeros((len(stages), relay.TIME_WORDS), np.int64)
        self._legs = np.zeros((len(stages), relay.LEG_WORDS), np.int64)
        for leg, device, (starts, finishes) in zip(self._legs, self.devices, lists, strict=True):
            leg[relay.AT] = posts[device]
            leg[relay.STARTS], leg[relay.START_COUNT] = starts.ctypes.data, len(starts)
            leg[relay.FINISHES], leg[relay.FINISH_COUNT] = finishes.ctypes.data, len(finishes)
        self._frame = np.zeros(relay.FRAME_WORDS, np.int64)
        self._frame[relay.LEGS], self._frame[relay.TIMES] = len(stages), self._times.ctypes.data
        self._frame[relay.LANDING] = landing
        self._keep = lists
        self.address = self._frame.ctypes.data

    def depart(self, index: int) -> None:
        """Make ready for a frame."""
        frame = self._frame
        frame[relay.INDEX], frame[relay.LEG] = index, self._legs.ctypes.data
        frame[relay.DONE], frame[relay.CODE] = relay.HERE, 0

    @property
    def gone(self) -> bool:
        """Whether a frame has been put on its way since it was made ready."""
        return bool(self._frame[relay.DONE] != relay.HERE)

    def executions(self) -> Iterator[Execution]:
        """The stages that were run, of the frame that has landed."""
        index, done = int(self._frame[relay.INDEX]), int(self._frame[relay.DONE])
        for stage, (start, end, more) in enumerate(self._times[:done].tolist()):
            yield Execution(self.devices[stage], index, stage, start / SECOND, end / SECOND, more / SECOND)

    def error(self) -> BaseException | None:
        """What made the frame fail, if anything did."""
        code = int(self._frame[relay.CODE])
        if not code:
            return None
        starts, finishes = self._commands[int(self._frame[relay.DONE]) - 1]
        return [*starts, *finishes][int(self._frame[relay.COMMAND])].error(code)


def _rows(commands: Sequence[Any]) -> Words:
    return np.array([(each.function, each.words) for each in commands], np.int64).reshape(-1, 2)
