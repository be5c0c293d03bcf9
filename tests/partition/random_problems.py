"""Seeded random problems for the property tests."""

from __future__ import annotations

import random

from hetero.partition.problem import Crossing, Problem, Tensor


def random_problem(seed: int, most: int = 9, partial: bool = True) -> Problem:
    """A random DAG of up to `most` operators with costs, crossings and stage overheads.

    With `partial`, some operators run on one device only.
    """
    random_ = random.Random(seed)
    names = [f"op{i}" for i in range(random_.randint(1, most))]
    costs: dict[str, dict[str, float]] = {}
    for name in names:
        cost = {"cpu": random_.uniform(1, 10), "gpu": random_.uniform(1, 10)}
        if partial and random_.random() < 0.15:
            del cost[random_.choice(["cpu", "gpu"])]
        costs[name] = cost
    tensors = []
    for i, name in enumerate(names):
        later = names[i + 1 :]
        readers = tuple(other for other in later if random_.random() < 0.35)
        tensors.append(Tensor(f"t{i}", random_.randrange(1000), name, readers, output=not readers))
    first = tuple(name for name in names if random_.random() < 0.3) or (names[0],)
    tensors.append(Tensor("x", random_.randrange(1000), None, first))
    fixed, per_byte = random_.uniform(0, 2), random_.uniform(0, 0.002)
    crossing = {("cpu", "gpu"): Crossing(fixed, per_byte), ("gpu", "cpu"): Crossing(2 * fixed, per_byte)}
    overhead = {"cpu": 0.1, "gpu": 0.3} if random_.random() < 0.5 else {}
    return Problem(costs, tuple(tensors), crossing, overhead)
