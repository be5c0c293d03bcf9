"""`hetero plan`: what would run where, and why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hetero.cli.errors import reported
from hetero.cli.options import (
    Batch,
    Debug,
    Device,
    Json,
    Model,
    Strategy,
    Streams,
    Threads,
    load_model,
    print_json,
    streams_of,
)

if TYPE_CHECKING:
    from hetero.outlook import Outlook

Save = Annotated[Path | None, typer.Option(help="Keep the plan as JSON, for --plan.")]
Objective = Annotated[
    str, typer.Option(help="What to do best: throughput, latency, cpu (least seconds of it) or energy (needs --watts).")
]
Latency = Annotated[float | None, typer.Option("--latency-limit", help="Most ms a frame that is alone may take.")]
Rate = Annotated[float | None, typer.Option(help="Frames a second the camera gives; the plan keeps up with it.")]
Memory = Annotated[
    list[str] | None, typer.Option("--memory-limit", metavar="DEVICE=MIB", help="Most MiB of weights; repeatable.")
]
Watts = Annotated[
    list[str] | None, typer.Option(metavar="DEVICE=WATTS", help="What a device draws while busy; repeatable.")
]
WhatIf = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=FACTORx",
        help="Multiply times: gpu=0.5x is a GPU twice as fast, cpu=0.25x four times the cores, bus=2x crossings that "
        "take twice as long; repeatable. Predicts only.",
    ),
]
Simulate = Annotated[bool, typer.Option("--simulate", help="Show what the plan is predicted to do. Predicts only.")]
Pareto = Annotated[bool, typer.Option("--pareto", help="Show what throughput costs in latency. Predicts only.")]


def plan(
    model: Model,
    device: Device = "auto",
    threads: Threads = None,
    streams: Streams = "auto",
    batch: Batch = 1,
    strategy: Strategy = "auto",
    objective: Objective = "throughput",
    latency_limit: Latency = None,
    rate: Rate = None,
    memory_limit: Memory = None,
    watts: Watts = None,
    what_if: WhatIf = None,
    simulate: Simulate = False,
    pareto: Pareto = False,
    save: Save = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Choose where every operator runs, and explain the choice.

    Without an objective, limit or question, "auto" measures the good plans and keeps the fastest; with one, the plan
    of the best prediction is taken, where streams that are left open are one.
    """
    with reported(debug):
        import hetero
        from hetero.cli.progress import making_ready

        if save is not None and not save.parent.is_dir():
            raise FileNotFoundError(f"no folder {save.parent} to save {save.name} in: make it first")
        asked = objective != "throughput" or latency_limit is not None or rate is not None or watts or memory_limit
        if not (asked or what_if or simulate or pareto):
            with making_ready():
                made = hetero.Session(
                    load_model(model), device, threads, strategy, streams=streams_of(streams), batch=batch
                )
            with made as session:
                _tell(session.plan, save, as_json)
            return
        from hetero.outlook import Outlook
        from hetero.partition.objective import Objective

        limits = {name: int(mib * 2**20) for name, mib in _numbers(memory_limit, "--memory-limit").items()}
        factors = _numbers(what_if, "--what-if")
        if factors and save is not None:
            raise ValueError("--what-if is about a machine that is not this one: its plan is not to be saved")
        milliseconds = None if latency_limit is None else latency_limit / 1e3
        aim = Objective(objective, milliseconds, rate, _numbers(watts, "--watts") or None)
        with making_ready():
            measured = Outlook.of(load_model(model), device, threads, streams_of(streams), batch)
        outlook = measured.changed(factors, limits)
        if pareto:
            _front(outlook, as_json)
            return
        found = outlook.plan(strategy, aim)
        _tell(found, save, as_json, outlook.simulated(found) if simulate else None)


def _tell(plan: Any, save: Path | None, as_json: bool, simulated: dict[str, Any] | None = None) -> None:
    if save is not None:
        plan.save(str(save))
    if as_json:
        data = json.loads(plan.to_json())
        print_json(data if simulated is None else {"plan": data, "simulation": simulated})
        return
    print(plan.explain())
    if simulated is not None:
        busy = ", ".join(f"{name} busy {share:.0%}" for name, share in simulated["busy"].items())
        print(
            f"simulated, {plan.slots} frames in flight: {simulated['fps']:.1f} frames/s, "
            f"latency {1e3 * simulated['latency']:.2f} ms, {busy}"
        )
        print(f"from the first frame, {1e3 * simulated['step']:.3f} ms a character, x crosses, . waits:")
        print(*simulated["chart"], sep="\n")


def _front(outlook: Outlook, as_json: bool) -> None:
    front = outlook.front()
    if as_json:
        print_json({"front": front})
        return
    from rich.console import Console
    from rich.table import Table

    view = Table("strategy", title="what throughput costs in latency, predicted")
    for heading in ("frames/s", "ms alone", "placements"):
        view.add_column(heading, justify="right")
    for point in front:
        view.add_row(
            point["strategy"], f"{point['fps']:.1f}", f"{1e3 * point['latency']:.2f}", str(point["placements"])
        )
    Console().print(view)


def _numbers(words: Sequence[str] | None, option: str) -> dict[str, float]:
    """NAME=NUMBER, of which a last "x" is no part."""
    found = {}
    for word in words or ():
        name, equals, number = word.partition("=")
        try:
            found[name] = float(number.removesuffix("x"))
        except ValueError:
            equals = ""
        if not equals or not name:
            raise ValueError(f"{option} {word!r}: expected NAME=NUMBER, such as gpu=0.5")
    return found
