"""Waves: which steps of a stage may run at the same time, and so as one launch."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Bytes of an area that a step touches: `length` from `first` on, again `stride` further on for each image.

    `extent` is from the first byte to behind the last one.
    """

    area: str
    first: int
    length: int
    extent: int
    stride: int | None = None
    written: bool = False

    def conflicts(self, other: Range) -> bool:
        """Whether the order of the two matters: they share bytes, and at least one of them is written."""
        if self.area != other.area or not (self.written or other.written):
            return False
        side_by_side = self.stride is not None and self.stride == other.stride
        mine, theirs = (self.length, other.length) if side_by_side else (self.extent, other.extent)
        return self.first < other.first + theirs and other.first < self.first + mine


def waves(ranges: Sequence[Sequence[Range]], kinds: Sequence[Hashable | None]) -> list[int]:
    """The wave of every step, given what each touches and its kind.

    A wave holds steps of one kind that need nothing of each other; a step whose kind is None is alone in its own.
    Steps move to the front as far as what they need allows: a wave needs nothing of later ones.
    """
    touched: dict[str, list[tuple[Range, int]]] = {}
    levels: list[int] = []
    for mine in ranges:
        level = 0
        for range_ in mine:
            for other, below in touched.get(range_.area, ()):
                if below >= level and range_.conflicts(other):
                    level = below + 1
        for range_ in mine:
            touched.setdefault(range_.area, []).append((range_, level))
        levels.append(level)
    keys = [(level, i if kind is None else kind) for i, (level, kind) in enumerate(zip(levels, kinds, strict=True))]
    order = {key: wave for wave, key in enumerate(dict.fromkeys(sorted(keys, key=lambda key: key[0])))}
    return [order[key] for key in keys]
