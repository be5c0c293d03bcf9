"""How work is cut into tasks: long enough to hide the hand-out, short enough to share."""

from __future__ import annotations

TASK_ELEMENTS = 32_768  # elements read or written by a task of a memory-bound kernel: some 10 us


def split(items: int, elements: int) -> tuple[int, int]:
    """(items a task, tasks) for `items` equal pieces of work of `elements` each."""
    each = max(1, min(items, TASK_ELEMENTS // max(1, elements)))
    return each, -(-items // each)
