"""`hetero profile`: the time of every operator, where it ran, and by which kernel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hetero.cli.errors import reported
from hetero.cli.options import (
    Debug,
    Device,
    Json,
    Model,
    PlanFile,
    Strategy,
    Threads,
    load_model,
    plan_path,
    print_json,
)

_FIELDS = ("operator", "op", "device", "kernel", "seconds", "flops")


def profile(
    model: Model,
    device: Device = "auto",
    threads: Threads = None,
    strategy: Strategy = "auto",
    plan: PlanFile = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the time of every operator, in the order they run.

    The kernel "reference" marks an operator that has none of ours and runs slowly.
    """
    with reported(debug):
        import hetero
        from hetero.cli.progress import making_ready

        with making_ready():
            made = hetero.Session(load_model(model), device, threads, strategy, plan_path(plan))
        with made as session:
            records = session.profile()
            if as_json:
                operators = [{name: getattr(record, name) for name in _FIELDS} for record in records]
                print_json({"model": model, "plan": session.plan.name, "operators": operators})
                return
        _show(records)


def _show(records: Sequence[Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    total = sum(record.seconds for record in records)
    every = Table("operator", "op", "device", "kernel")
    kinds = Table("op", "device")
    for view in (every, kinds):
        for heading in ("ms", "share", "GFLOP/s"):
            view.add_column(heading, justify="right")
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for record in records:
        every.add_row(
            record.operator,
            record.op,
            record.device,
            record.kernel,
            *_figures(record.seconds, record.flops, total),
        )
        both = sums[record.op, record.device]
        both[0] += record.seconds
        both[1] += record.flops
    for (op, device), (seconds, flops) in sorted(sums.items(), key=lambda item: -item[1][0]):
        kinds.add_row(op, device, *_figures(seconds, flops, total))
    Console().print(every, kinds, f"{len(records)} operators, {1000 * total:.2f} ms in all", sep="\n")


def _figures(seconds: float, flops: float, total: float) -> tuple[str, str, str]:
    rate = f"{flops / seconds / 1e9:.1f}" if seconds and flops else ""
    return f"{1000 * seconds:.3f}", f"{seconds / total:.1%}" if total else "", rate
