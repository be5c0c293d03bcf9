"""Options: those that several commands share, and how a model is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="An ONNX file, a model's folder, or zoo:NAME (such as zoo:googlenet)."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, gpu, gpu:1 (the second GPU) or cpu+gpu.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; all there are if left out.")]
Streams = Annotated[
    str,
    typer.Option(
        metavar="N|auto",
        help="Frames that the CPU computes at once, its threads divided among them; auto tries one, and one a thread.",
    ),
]
Strategy = Annotated[str, typer.Option(help="auto, cpu, gpu, interleave, exact, two-plan-mix, or another strategy.")]
Batch = Annotated[int, typer.Option(min=1, help="Frames to gather while the devices are busy, and to run together.")]
PlanFile = Annotated[Path | None, typer.Option("--plan", help="Run as a saved plan says; nothing is measured.")]
Depth = Annotated[int | None, typer.Option(min=1, help="Frames in flight at most; chosen if left out.")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON to stdout and nothing else.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback where something goes wrong.")]

_ZOO = "zoo:"


def load_model(name: str) -> Any:
    """What to give a Session for a model named on the command line."""
    if name.startswith(_ZOO):
        from hetero import zoo

        return zoo.build(name.removeprefix(_ZOO))
    if not Path(name).exists():
        raise FileNotFoundError(
            f"no model at {name}: expected a file in a format that `hetero` reads, such as ONNX, or zoo:NAME"
        )
    return name


def streams_of(word: str) -> Any:
    """What to give a Session for a number of streams. Raises ValueError for what is neither a number nor auto."""
    if word != "auto" and not word.isdecimal():
        raise ValueError(f"--streams {word}: expected a whole number from 1 up, or auto")
    return word if word == "auto" else int(word)


def plan_path(path: Path | None) -> str | None:
    """The plan to give a Session, which must be there."""
    if path is not None and not path.exists():
        raise FileNotFoundError(f"no plan at {path}: expected a file that `hetero plan MODEL --save` wrote")
    return None if path is None else str(path)


def print_json(data: object, *, indent: int | None = 2) -> None:
    """JSON on stdout; devices and arrays are expected to be plain data by now."""
    print(json.dumps(data, indent=indent, default=_plain), flush=True)


def _plain(value: Any) -> Any:
    item: Callable[[], Any] | None = getattr(value, "item", None)
    if item is None:
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return item()
