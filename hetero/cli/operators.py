"""The tables of `hetero bench --ops`: every operator against its device's limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hetero.operators import Costs, OperatorCost, StageCost
    from hetero.roofline import Limits

WIDTH = 170  # columns where nobody says how many there are
_NAME, _KERNEL = 28, 40  # characters of a name and of a kernel's description


def show(costs: Costs, width: int | None) -> None:
    """Print operators, sums by kind, stages and limits."""
    from rich.console import Console
    from rich.table import Table

    total = sum(stage.seconds for stage in costs.stages)
    every = Table("operator", "op", "device", "kernel")
    kinds = Table("op", "device", "operators")
    for view in (every, kinds):
        for heading in ("ms", "of all", "of limit"):
            view.add_column(heading, justify="right")
    every.add_column("rate", justify="right")
    every.add_column("limit")
    for column in every.columns:
        column.no_wrap = True
    for each in costs.operators:
        launches = f"{len(each.steps)} x " if len(each.steps) > 1 else ""
        figures = (_ms(each.seconds), _percent(each.seconds / total), _percent(each.share)) if each.steps else ("",) * 3
        every.add_row(
            _short(each.operator, _NAME), each.op, each.device, _short(launches + each.kernel, _KERNEL) or "in place",
            *figures, rate(each), each.bound if each.steps else "",
        )  # fmt: skip
    for kind in costs.kinds:
        figures = (_ms(kind.seconds), _percent(kind.seconds / total), _percent(kind.share) if kind.seconds else "")
        kinds.add_row(kind.op, kind.device, str(kind.count), *figures)
    lines = [stage_line(stage) for stage in costs.stages]
    lines += [limit_line(key, most) for key, most in costs.limits.items()]
    Console(width=width).print(every, kinds, *lines, sep="\n", highlight=False)


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def rate(cost: OperatorCost) -> str:
    """Operations a second where arithmetic is the limit, bytes a second where memory is."""
    if not cost.seconds:
        return ""
    if cost.bound == "compute":
        return _flops(cost.flops / cost.seconds)
    return f"{cost.bytes / cost.seconds / 1e9:.1f} GB/s"


def stage_line(stage: StageCost) -> str:
    """The whole against the sum of its parts, and what the host spends to begin it."""
    line = (
        f"{stage.device}: {1000 * stage.seconds:.3f} ms a frame, {1000 * stage.summed:.3f} ms "
        f"in {stage.launches} kernels timed one by one"
    )
    if stage.begun:
        line += f"; the host takes {1e6 * stage.begun:.0f} us to enqueue them"
        line += ": bound by launches" if stage.begun > stage.seconds / 2 else ""
    return line


def limit_line(key: str, most: Limits) -> str:
    """What the device was measured to do at most."""
    moved = ", ".join(f"{rate / 1e9:.0f} GB/s over {size / 2**20:g} MiB" for size, rate in most.bandwidth)
    return f"{key} does at most {_flops(most.flops)} in registers and moves {moved}"


def _flops(rate: float) -> str:
    return f"{rate / 1e12:.2f} TFLOP/s" if rate >= 1e12 else f"{rate / 1e9:.1f} GFLOP/s"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.3f}"


def _percent(share: float) -> str:
    return f"{share:.0%}"
