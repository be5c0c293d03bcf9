"""`hetero tune`: finds the fastest kernels for a network on a device, and keeps them for later runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hetero.cli.errors import reported
from hetero.cli.options import Debug, Json, Model, Threads, load_model, print_json

Device = Annotated[str, typer.Option(help="cpu, gpu, or gpu:1 (the second GPU).")]
Seconds = Annotated[float, typer.Option(min=1, help="About how long to search.")]
Out = Annotated[Path | None, typer.Option(help="Keep the choices in this file, not among the user's own.")]


def tune(
    model: Model,
    device: Device = "gpu",
    threads: Threads = None,
    seconds: Seconds = 120.0,
    out: Out = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Search tiles and algorithms for every layer, and keep what beats the defaults.

    On a GPU every candidate's numbers are held against the CPU's. The CPU is tuned for a number of threads on a frame.
    Later runs use what was found.
    """
    with reported(debug):
        from hetero.cli.progress import TuneProgress
        from hetero.tuning import tune_network

        if out is not None and not out.parent.is_dir():
            raise FileNotFoundError(f"no folder {out.parent} to keep {out.name} in: make it first")
        with TuneProgress() as progress:
            outcome = tune_network(load_model(model), device, seconds, out, progress.update, threads)
        if as_json:
            print_json(_words(outcome))
        else:
            _show(outcome)


def _words(outcome: Any) -> dict[str, Any]:
    return {
        "device": outcome.device.name,
        "driver": outcome.device.driver,
        "emulated": outcome.device.emulated,
        "file": str(outcome.file),
        "default_seconds": outcome.default_seconds,
        "tuned_seconds": outcome.tuned_seconds,
        "layers": [
            {"operators": each.layer.nodes}
            | (
                {"failed": True}
                if each.found is None
                else {
                    "choices": {space: dict(choice) for (space, _), choice in each.found.answers.items()},
                    "seconds": each.found.seconds,
                    "default_seconds": each.found.default_seconds,
                    "tried": each.found.tried,
                }
            )
            for each in outcome.layers
        ],
    }


def _show(outcome: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    view = Table("operators", "better choice")
    for heading in ("default µs", "tuned µs", "tried"):
        view.add_column(heading, justify="right")
    for each in outcome.layers:
        first, *more = each.layer.nodes
        name = f"{first} and {len(more)} more" if more else first
        if each.found is None:
            view.add_row(name, "fails or gives wrong numbers on this device, and is avoided")
            continue
        if each.found.seconds == each.found.default_seconds:
            continue
        figures = (f"{1e6 * each.found.default_seconds:.1f}", f"{1e6 * each.found.seconds:.1f}", str(each.found.tried))
        view.add_row(name, _choices(each.found.answers), *figures)
    tried = sum(each.found.tried for each in outcome.layers if each.found is not None)
    kind = " (emulated)" if outcome.device.emulated else ""
    whole = (
        f"{outcome.device.name}{kind}: a frame took {1e3 * outcome.default_seconds:.2f} ms by default and takes "
        f"{1e3 * outcome.tuned_seconds:.2f} ms as tuned, measured by turns. {tried} ways tried for "
        f"{len(outcome.layers)} layers; kept in {outcome.file}"
    )
    Console().print(view, whole, sep="\n", soft_wrap=True)


def _choices(answers: Any) -> str:
    return "; ".join(
        f"{space}: " + ", ".join(f"{name} {value}" for name, value in choice.items())
        for (space, _), choice in answers.items()
    )
