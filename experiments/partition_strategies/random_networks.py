"""Random networks: seeded problems of any size, with the proportions of convolutional networks."""

from __future__ import annotations

import random

from hetero.partition.problem import Crossing, Problem, Tensor

REACH = 6  # an operator reads what some of so many before it made


def random_network(seed: int, operators: int) -> Problem:
    """A DAG of so many operators: short-range branches and joins, log-normal costs, a GPU of mixed advantage.

    Operators take about 0.2 ms on the CPU and between 0.25 and 4 times that on the GPU; one in twenty runs on the
    CPU alone. Tensors have 4 KB to 1 MB; a crossing takes 20 us and 1 ms a 10 MB, charged to both devices.
    """
    random_ = random.Random(seed)
    names = [f"op{i}" for i in range(operators)]
    costs: dict[str, dict[str, float]] = {}
    readers: dict[str, list[str]] = {name: [] for name in names}
    first: list[str] = []
    for i, name in enumerate(names):
        cpu = 2e-4 * random_.lognormvariate(0, 1)
        costs[name] = {"cpu": cpu}
        if random_.random() >= 0.05:
            costs[name]["gpu"] = cpu * 2 ** random_.uniform(-2, 2)
        before = names[max(0, i - REACH) : i]
        for source in random_.sample(before, min(len(before), random_.choice((1, 1, 1, 2)))):
            readers[source].append(name)
        if not before:
            first.append(name)
    tensors = [Tensor("x", 600_000, None, tuple(first))]
    tensors += [
        Tensor(f"{name}:out", int(2 ** random_.uniform(12, 20)), name, tuple(readers[name]), not readers[name])
        for name in names
    ]
    return Problem(costs, tuple(tensors), dict.fromkeys((("cpu", "gpu"), ("gpu", "cpu")), Crossing(2e-5, 1e-10)))
