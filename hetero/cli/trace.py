"""`hetero trace`: the timeline of a stream, measured and simulated, for a browser to show."""

from __future__ import annotations

import json
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hetero.cli.errors import reported
from hetero.cli.options import (
    Batch,
    Debug,
    Depth,
    Device,
    Json,
    Model,
    PlanFile,
    Strategy,
    Streams,
    Threads,
    load_model,
    plan_path,
    print_json,
    streams_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hetero.partition.simulate import Event

SourceName = Annotated[
    str | None, typer.Argument(metavar="[SOURCE]", help="A video, an image or a folder; noise if left out.")
]
Out = Annotated[Path, typer.Option(help="The file to write.")]
Frames = Annotated[int, typer.Option(min=1, help="How many frames to trace.")]


def trace(
    model: Model,
    source: SourceName = None,
    out: Out = Path("trace.json"),
    frames: Frames = 40,
    device: Device = "auto",
    threads: Threads = None,
    strategy: Strategy = "auto",
    plan: PlanFile = None,
    depth: Depth = None,
    streams: Streams = "auto",
    batch: Batch = 1,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write what every device does to a stream's frames and when, beside what the simulator says of the same plan.

    The file opens at ui.perfetto.dev or chrome://tracing: stages, crossings and waits of all devices on one clock.
    """
    with reported(debug):
        import hetero
        from hetero.cli.progress import making_ready
        from hetero.frames import prepared
        from hetero.partition.simulate import timeline
        from hetero.planner import Planner
        from hetero.trace import chrome, laned, traced

        if not out.absolute().parent.is_dir():
            raise FileNotFoundError(f"no folder {out.parent} to save {out.name} in: make it first")
        with making_ready():
            session = hetero.Session(
                load_model(model), device, threads, strategy, plan_path(plan), streams_of(streams), batch=batch
            )
        feeds = None if source is None else _feeds(session, source, frames)
        shapes = session.shapes(feeds[0] if feeds else {})
        deployment = session.deploy(shapes, depth)
        feeds = feeds or [deployment.noise()] * frames
        chosen, slots = deployment.plan, len(deployment.slots)
        traced(deployment, feeds[: slots * chosen.batch])  # the first frames find everything cold
        measured = traced(deployment, feeds)
        graph = prepared(session.model, dict(shapes), chosen.batch)
        problem = Planner(graph, session.model.digest, deployment.devices, chosen.batch).problem
        batches = -(-len(feeds) // chosen.batch)
        simulated = laned(timeline(problem, chosen.placements, chosen.schedule, slots, batches))
        title = f"plan {chosen.name}, {slots} frames in flight"
        out.write_text(json.dumps(chrome({f"measured: {title}": measured, f"simulated: {title}": simulated})) + "\n")
        took = {"measured": _seconds(measured), "simulated": _seconds(simulated)}
        if as_json:
            print_json({"file": str(out), "plan": chosen.name, "depth": slots, "frames": len(feeds), "seconds": took})
            return
        print(
            f"{len(feeds)} frames of plan {chosen.name}, {slots} in flight: {1e3 * took['measured']:.1f} ms measured, "
            f"{1e3 * took['simulated']:.1f} ms simulated; open {out} at ui.perfetto.dev or chrome://tracing"
        )


def _seconds(events: Sequence[Event]) -> float:
    return max(event.end for event in events)


def _feeds(session: Any, source: str, count: int) -> list[dict[str, Any]]:
    """At most so many frames as the session takes them, held in memory so that nobody waits for their decoding."""
    from hetero.images import one_input, preprocessor
    from hetero.sources import open_source

    prepare = preprocessor(*one_input(session))
    with closing(open_source(source)) as images:
        return [{session.inputs[0].name: prepare(image)} for image in islice(images, count)]
