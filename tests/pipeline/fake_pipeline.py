"""Fake stages, slots and frames for the pipeline's tests."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from hetero.pipeline.line import Line
from hetero.pipeline.pipeline import Pipeline
from hetero.pipeline.result import Result
from hetero.pipeline.stage import Stage

PATIENCE = 20.0  # seconds after which a test has hung; nothing is ever slept for so long


class Slot:
    """Memory of one frame: a value, and a lock that shows whether a stage runs on it."""

    def __init__(self) -> None:
        self.value: Any = None
        self.busy = threading.Lock()


class FakeStage(Stage):
    """Calls a function on the slot, checking that it runs in its device's worker, alone on the slot.

    `begun` is called on the slot's value before, when the stage is started.
    """

    def __init__(
        self,
        device: str,
        function: Callable[[Any], Any] = lambda value: value,
        begun: Callable[[Any], Any] = lambda value: value,
    ) -> None:
        self.device = device
        self.function, self.begun = function, begun

    def start(self, slot: Slot) -> None:
        """Lock the slot."""
        assert threading.current_thread().name == f"hetero-{self.device}"
        self.begun(slot.value)
        assert slot.busy.acquire(blocking=False)

    def finish(self, slot: Slot) -> None:
        """Apply the function to the slot's value."""
        assert threading.current_thread().name == f"hetero-{self.device}"
        try:
            slot.value = self.function(slot.value)
        finally:
            slot.busy.release()


class Gate:
    """A stage's function that stops at the gate until it is opened for that frame, or for all."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._arrived: list[Any] = []
        self._allowed: set[Any] = set()
        self._open = False

    def __call__(self, value: Any) -> Any:
        with self._condition:
            self._arrived.append(value)
            self._condition.notify_all()
            assert self._condition.wait_for(lambda: self._open or value in self._allowed, PATIENCE)
        return value

    def arrival(self, value: Any) -> None:
        """Wait until a frame stands at the gate."""
        with self._condition:
            assert self._condition.wait_for(lambda: value in self._arrived, PATIENCE)

    def allow(self, value: Any) -> None:
        """Let one frame through."""
        with self._condition:
            self._allowed.add(value)
            self._condition.notify_all()

    def open(self) -> None:
        """Let all frames through."""
        with self._condition:
            self._open = True
            self._condition.notify_all()

    @property
    def arrived(self) -> list[Any]:
        """The frames that came to the gate, in order."""
        with self._condition:
            return list(self._arrived)


def load(slot: Slot, frame: Any, variant: int) -> None:
    """Put a frame into a slot."""
    slot.value = frame


def unload(slot: Slot) -> Any:
    """Copy the value out."""
    return slot.value


def pipeline(*variants: list[FakeStage], depth: int = 2, **options: Any) -> Pipeline:
    """A pipeline of fake stages over fake slots."""
    others = {name: options.pop(name) for name in ("on_full", "clock", "posts") if name in options}
    return Pipeline(line(*variants, depth=depth, **options), **others)


def line(*variants: list[FakeStage], depth: int = 2, **options: Any) -> Line:
    """Fake stages and slots for a pipeline."""
    options = {"load": load, "unload": unload, "schedule": [0], **options}
    return Line(variants, slots=[Slot() for _ in range(depth)], **options)


def outputs(future: Future[Result]) -> Any:
    """A frame's outputs, or what it raised; fails where the pipeline hangs."""
    return future.result(PATIENCE).outputs


def jitter(seed: int) -> Callable[[Any], Any]:
    """A function that lets others go first now and then, and changes nothing."""
    random_ = random.Random(seed)

    def wait(value: Any) -> Any:
        if random_.random() < 0.3:
            time.sleep(random_.choice([0, 0, 1e-4, 5e-4]))
        return value

    return wait
