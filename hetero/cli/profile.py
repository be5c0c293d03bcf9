"""`hetero profile`: the time of every operator, where it ran, and by which kernel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any

import typer

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

Costs = Annotated[bool, typer.Option("--costs", help="Show what planning goes by: every operator on every device.")]
Again = Annotated[bool, typer.Option("--again", help="Measure and decide anew what is kept on disk about the model.")]
_FIELDS = ("operator", "op", "device", "kernel", "seconds", "flops")


def profile(
    model: Model,
    device: Device = "auto",
    threads: Threads = None,
    strategy: Strategy = "auto",
    plan: PlanFile = None,
    costs: Costs = False,
    again: Again = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the time of every operator, in the order they run.

    The kernel "reference" marks an operator that has none of ours and runs slowly. What planning goes by is measured
    once and kept on disk: --costs shows it, --again measures it anew.
    """
    with reported(debug):
        import hetero
        from hetero.cli.progress import making_ready

        loaded = load_model(model)
        if again:
            _forget(loaded)
        with making_ready():
            made = hetero.Session(loaded, device, threads, strategy, plan_path(plan))
        with made as session:
            if costs:
                with making_ready():
                    found = session.costs()
                if as_json:
                    print_json({"model": model, **found.to_record()})
                else:
                    _show_costs(found)
                return
            records = session.profile()
            if as_json:
                operators = [{name: getattr(record, name) for name in _FIELDS} for record in records]
                print_json({"model": model, "plan": session.plan.name, "operators": operators})
                return
        _show(records)


def _forget(model: Any) -> None:
    from engine.formats.onnx import load
    from hetero.costs.store import forget

    forget(load(model).digest)


def _show_costs(costs: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    devices = list(dict.fromkeys(key for cost in costs.busy.values() for key in cost))
    columns = [(times, key) for key in devices for times in (costs.alone, costs.busy)]
    view = Table("operator")
    for key in devices:
        for condition in ("alone", "busy"):
            view.add_column(f"{key} {condition}, ms", justify="right")
    for operator in costs.busy:
        view.add_row(operator, *(_ms(times[operator].get(key)) for times, key in columns))
    view.add_section()
    view.add_row("all", *(_ms(sum(cost.get(key, 0.0) for cost in times.values())) for times, key in columns))
    crossings = [
        f"{source} to {target}: {1e6 * each.fixed:.1f} us a tensor and {1e6 * 2**20 * each.per_byte:.1f} us a MiB"
        for (source, target), each in costs.crossing.items()
    ]
    caller = f"bringing a frame and taking its result: {1e6 * costs.caller:.1f} us"
    Console().print(view, *crossings, caller, sep="\n", highlight=False)


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1e3 * seconds:.3f}"


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
