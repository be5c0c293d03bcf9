"""`hetero bench`: compares the plans for a network on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hetero.cli.errors import reported
from hetero.cli.options import Batch, Debug, Depth, Json, Model, Threads, load_model, print_json

More = Annotated[list[str] | None, typer.Option("--strategy", help="Measure this strategy too; may be repeated.")]
_WIDTH = 140

Ops = Annotated[bool, typer.Option("--ops", help="One device's operators instead, each against the machine's limit.")]
OneDevice = Annotated[str | None, typer.Option(help="With --ops: cpu, gpu or gpu:1; cpu if left out.")]
Rounds = Annotated[int, typer.Option(min=1, help="Paired rounds; medians are reported.")]
Seconds = Annotated[float, typer.Option(min=0.01, help="About how long one plan runs in one round.")]


def bench(
    model: Model,
    ops: Ops = False,
    device: OneDevice = None,
    threads: Threads = None,
    strategy: More = None,
    batch: Batch = 1,
    depth: Depth = None,
    rounds: Rounds = 5,
    seconds: Seconds = 2.0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare CPU, GPU, whole frames dealt to both, and the plan chosen, in paired rounds.

    Where the GPU is emulated, "CPU only" has the threads that co-execution leaves to the CPU, and
    rows of their own show the CPU with all cores. With --batch there are rows more with so many frames run together.

    With --ops every operator on one device is timed instead, and held against what this machine
    does at most, which is measured once and kept.
    """
    with reported(debug):
        if ops:
            _operators(model, device or "cpu", threads, as_json)
            return
        if device is not None:
            raise ValueError(f"--device {device} goes with --ops only: without it every plan is measured")
        from rich.console import Console

        from hetero.bench import compare, contenders
        from hetero.report import device_lines, table

        messages = Console(stderr=True)
        with messages.status("starting") as status:
            report = compare(
                load_model(model),
                Path(model).name,
                ways=contenders(threads, strategy or (), batch),
                rounds=rounds,
                seconds=seconds,
                depth=depth,
                told=status.update,
            )
        if as_json:
            print_json(report.to_dict())
            return
        # A pipe has no width of its own, and 80 columns would break every line of the table.
        Console(width=None if sys.stdout.isatty() else _WIDTH).print(
            table(report), *device_lines(report.devices), sep="\n"
        )


def _operators(model: str, device: str, threads: int | None, as_json: bool) -> None:
    import hetero
    from hetero.bench import random_feeds
    from hetero.cli import operators
    from hetero.cli.progress import making_ready
    from hetero.limits import file
    from hetero.operators import costs

    if device == "auto" or "+" in device:
        raise ValueError(f"--ops --device {device}: expected one device: cpu, gpu or gpu:1")
    with making_ready():
        made = hetero.Session(load_model(model), device, threads)
    with made as session:
        deployment = session.deployed(random_feeds(session.inputs, 1)[0])
        found = costs(deployment)
        kept = {key: str(file(deployment.devices[key])) for key in found.limits}
    if as_json:
        print_json({"model": model, "device": device, **found.to_dict(), "limits_kept_in": kept})
        return
    operators.show(found, None if sys.stdout.isatty() else operators.WIDTH)
    print(*(f"limits of {key} are kept in {path}" for key, path in kept.items()), sep="\n")
