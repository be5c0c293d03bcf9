"""Waves: which steps of a stage may run at the same time, and so as one launch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Bytes of an area that a step touches: `length` from `first` on, again `stride` further on for each image.

    `extent` is from the first byte to behind the last one, `each` a thread's share of what every thread has a part of.
    """

    area: str
    first: int
    length: int
    extent: int
    stride: int | None = None
    written: bool = False
    each: int = 0

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
    Steps move to the front as far as what they need allows: a wave needs nothing of later ones. One that is alone
    there moves back again to the next of its kind, where nobody needs it before.
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
    _join(ranges, kinds, levels)
    keys = [(level, i if kind is None else kind) for i, (level, kind) in enumerate(zip(levels, kinds, strict=True))]
    order = {key: wave for wave, key in enumerate(dict.fromkeys(sorted(keys, key=lambda key: key[0])))}
    return [order[key] for key in keys]


def _join(ranges: Sequence[Sequence[Range]], kinds: Sequence[Hashable | None], levels: list[int]) -> None:
    """Raise the level of steps that are alone to that of others of their kind."""
    members = Counter(zip(levels, kinds, strict=True))
    touched: dict[str, list[tuple[Range, int]]] = {}
    for i in reversed(range(len(levels))):
        kind = kinds[i]
        if kind is not None and members[levels[i], kind] == 1:
            later = (
                level for mine in ranges[i] for other, level in touched.get(mine.area, ()) if mine.conflicts(other)
            )
            end = min(later, default=max(levels) + 1)
            joined = next((level for level in range(levels[i] + 1, end) if members[level, kind]), levels[i])
            members[levels[i], kind] -= 1
            members[joined, kind] += 1
            levels[i] = joined
        for mine in ranges[i]:
            touched.setdefault(mine.area, []).append((mine, levels[i]))
