"""`hetero bench`: compares the plans for a network on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hetero.cli.errors import reported
from hetero.cli.options import Debug, Depth, Json, Model, Threads, load_model, print_json

More = Annotated[list[str] | None, typer.Option("--strategy", help="Measure this strategy too; may be repeated.")]
_WIDTH = 140

Rounds = Annotated[int, typer.Option(min=1, help="Paired rounds; medians are reported.")]
Seconds = Annotated[float, typer.Option(min=0.01, help="About how long one plan runs in one round.")]


def bench(
    model: Model,
    threads: Threads = None,
    strategy: More = None,
    depth: Depth = None,
    rounds: Rounds = 5,
    seconds: Seconds = 2.0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare CPU, GPU, whole frames dealt to both, and the plan chosen, in paired rounds.

    Where the GPU is emulated, "CPU only" has the threads that co-execution leaves to the CPU, and
    a row of its own shows the CPU with all cores.
    """
    with reported(debug):
        from rich.console import Console

        from hetero.bench import compare, contenders
        from hetero.report import device_lines, table

        messages = Console(stderr=True)
        with messages.status("starting") as status:
            report = compare(
                load_model(model),
                Path(model).name,
                ways=contenders(threads, strategy or ()),
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
