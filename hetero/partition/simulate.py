"""Simulate: what a pipeline would do, as a timeline, with neither devices nor threads."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """One stage of one frame on its device, from start to end in seconds."""

    frame: int
    stage: int
    device: str
    start: float
    end: float


def simulate(
    variants: Sequence[Sequence[tuple[str, float]]], schedule: Sequence[int], depth: int, frames: int
) -> list[Span]:
    """The timeline of so many frames, by start; of equal starts the older frame first.

    Each variant is a sequence of stages (device, seconds). The rules are the pipeline's: frame i
    uses variants[schedule[i % len(schedule)]]; `depth` frames are in flight at most, and 2 * depth
    are submitted and not yet given back in order; a device serves the oldest frame that is ready
    and never stops half way. Frames are always at hand, and results are taken at once.
    """
    plans = [variants[schedule[frame % len(schedule)]] for frame in range(frames)]
    ready: dict[str, list[tuple[int, int]]] = {device: [] for stages in variants for device, _ in stages}
    idle = set(ready)
    running: list[tuple[float, int, int]] = []  # (end, frame, stage)
    done = [False] * frames
    admitted = given = flying = 0
    now = 0.0
    timeline: list[Span] = []
    while True:
        while admitted < frames and flying < depth and admitted < given + 2 * depth:
            heapq.heappush(ready[plans[admitted][0][0]], (admitted, 0))
            admitted, flying = admitted + 1, flying + 1
        for device in sorted(idle):
            if ready[device]:
                frame, stage = heapq.heappop(ready[device])
                end = now + plans[frame][stage][1]
                timeline.append(Span(frame, stage, device, now, end))
                heapq.heappush(running, (end, frame, stage))
                idle.remove(device)
        if not running:
            return sorted(timeline, key=lambda span: (span.start, span.frame, span.stage))
        now = running[0][0]
        while running and running[0][0] == now:  # all that end now, before anybody begins
            _, frame, stage = heapq.heappop(running)
            idle.add(plans[frame][stage][0])
            if stage + 1 < len(plans[frame]):
                heapq.heappush(ready[plans[frame][stage + 1][0]], (frame, stage + 1))
            else:
                flying -= 1
                done[frame] = True
        while given < frames and done[given]:
            given += 1
