"""Line: the stages and slots that a pipeline's frames go through, and how they are used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hetero.pipeline.stage import Stage


@dataclass(frozen=True, eq=False)
class Line:
    """What a pipeline runs frames through, from one change of its plan to the next.

    variants     one or more sequences of stages
    schedule     the n-th frame that is let in uses variants[schedule[n % len(schedule)]]
    slots        memory for one frame each: as many frames are in flight at most
    load         (slot, frame, variant): puts a frame into a slot; runs in the thread that submits
    unload       (slot) -> outputs, copied out; runs in the thread that waits for them
    bytes_moved  bytes copied between devices since some beginning
    rescue       (slot, what a stage raised): whether the slot can be unloaded all the same
    rescued      frames that gave a result though a device failed them, since some beginning
    devices      built from these: of each variant the device of every stage

    Raises ValueError for no variants, slots or stages, and for a schedule out of range.
    """

    variants: Sequence[Sequence[Stage]]
    schedule: Sequence[int]
    slots: Sequence[Any]
    load: Callable[[Any, Any, int], None]
    unload: Callable[[Any], Any]
    bytes_moved: Callable[[], int] = lambda: 0
    rescue: Callable[[Any, BaseException], bool] = lambda *_: False
    rescued: Callable[[], int] = lambda: 0
    devices: tuple[tuple[str, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        variants = tuple(tuple(stages) for stages in self.variants)
        if not variants or not all(variants):
            raise ValueError("a pipeline needs at least one variant, and each variant at least one stage")
        if not self.schedule or not all(0 <= entry < len(variants) for entry in self.schedule):
            raise ValueError(f"schedule {list(self.schedule)} must name variants 0 to {len(variants) - 1}")
        if not self.slots:
            raise ValueError("a pipeline needs at least one slot")
        devices = tuple(tuple(each.device for each in stages) for stages in variants)
        object.__setattr__(self, "variants", variants)
        object.__setattr__(self, "devices", devices)
