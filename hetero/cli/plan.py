"""`hetero plan`: what would run where, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hetero.cli.errors import reported
from hetero.cli.options import Debug, Device, Json, Model, Strategy, Threads, load_model, print_json

Save = Annotated[Path | None, typer.Option(help="Keep the plan as JSON, for --plan.")]


def plan(
    model: Model,
    device: Device = "auto",
    threads: Threads = None,
    strategy: Strategy = "auto",
    save: Save = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Choose where every operator runs, and explain the choice."""
    with reported(debug):
        import hetero
        from hetero.cli.progress import making_ready

        if save is not None and not save.parent.is_dir():
            raise FileNotFoundError(f"no folder {save.parent} to save {save.name} in: make it first")
        with making_ready():
            made = hetero.Session(load_model(model), device, threads, strategy)
        with made as session:
            if save is not None:
                session.plan.save(str(save))
            if as_json:
                print_json(json.loads(session.plan.to_json()))
            else:
                print(session.plan.explain())
