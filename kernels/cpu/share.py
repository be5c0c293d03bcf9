"""How work is cut into tasks: long enough to hide the hand-out, short enough to share."""

from __future__ import annotations

TASK_ELEMENTS = 32_768  # elements read or written by a task of a memory-bound kernel: some 10 us


TILES = (14, 7, 4, 2, 1)  # pixels: few sizes, for each is compiled on its own


def tile_of(columns: int, most: int) -> int:
    """Pixels of the tile, at most so many, that covers a row of columns soonest: a tile costs about a pixel itself."""
    return min(
        (size for size in TILES if size <= min(columns, most)), key=lambda size: -(-columns // size) * (size + 1)
    )


def split(items: int, elements: int) -> tuple[int, int]:
    """(items a task, tasks) for `items` equal pieces of work of `elements` each."""
    each = max(1, min(items, TASK_ELEMENTS // max(1, elements)))
    return each, -(-items // each)
