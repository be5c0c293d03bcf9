"""Stages: a placement cut into a sequence of convex stages, each on one device."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping
from typing import NamedTuple

Readers = Mapping[str, Collection[str]]  # operator, in network order -> those that wait for it


class Cut(NamedTuple):
    """One stage: its device, and its operators in network order."""

    device: str
    operators: list[str]


def stages(graph: Readers, placement: Mapping[str, str]) -> list[Cut]:
    """Cut a placement into stages that can run one after the other.

    `graph` may be a networkx.DiGraph. The stage of the current device grows by
    every operator of that device that is ready; then the device of the first operator that is
    ready takes over. Every beginning is tried, and the fewest stages win; with two devices no
    sequence of stages is shorter.
    """
    waited_for = _waits(graph)
    beginnings = dict.fromkeys(placement[node] for node in graph if not waited_for[node])
    return min((_grow(graph, placement, device) for device in beginnings), key=len, default=[])


def _waits(graph: Readers) -> dict[str, int]:
    """How many others each operator waits for."""
    counts = dict.fromkeys(graph, 0)
    for node in graph:
        for reader in graph[node]:
            counts[reader] += 1
    return counts


def _grow(graph: Readers, placement: Mapping[str, str], device: str) -> list[Cut]:
    order = {node: number for number, node in enumerate(graph)}
    names = list(graph)
    blocked = _waits(graph)
    ready: dict[str, list[int]] = {each: [] for each in set(placement.values())}
    for node in names:
        if not blocked[node]:
            ready[placement[node]].append(order[node])
    cuts: list[Cut] = []
    while True:
        grown: list[int] = []
        mine = ready[device]
        while mine:
            number = heapq.heappop(mine)
            grown.append(number)
            for successor in graph[names[number]]:
                blocked[successor] -= 1
                if not blocked[successor]:
                    heapq.heappush(ready[placement[successor]], order[successor])
        cuts.append(Cut(device, [names[number] for number in sorted(grown)]))
        waiting = [(queue[0], each) for each, queue in ready.items() if queue]
        if not waiting:
            return cuts
        device = min(waiting)[1]
