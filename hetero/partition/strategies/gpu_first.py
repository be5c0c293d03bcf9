"""gpu-first: Jarvis's rule: the GPU where it has a kernel, else the CPU."""

from __future__ import annotations

from hetero.partition.draft import Draft, draft
from hetero.partition.problem import Problem


def solve(problem: Problem) -> Draft:
    """The GPU where it can run the operator, else the CPU, on a machine without a GPU all on the CPU.

    Mixing is what this rule intends, so unlike `gpu` it has nothing to note.
    """
    return draft(problem, problem.prefer("gpu" if "gpu" in problem.devices else "cpu"))
