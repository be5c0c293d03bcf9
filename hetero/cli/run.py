"""`hetero run`: streams a video, images or a camera through a network."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
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
    from hetero.images import Preprocessor, Ranked
    from hetero.sources import Frame, Source

_TOP = 5

SourceName = Annotated[
    str,
    typer.Argument(metavar="SOURCE", help="A video file, an image, a folder of images, or a camera's number."),
]
Labels = Annotated[Path | None, typer.Option(help="A file with one class a line: prints the top classes.")]
Top = Annotated[int | None, typer.Option(min=1, help=f"How many classes to print of each frame; {_TOP} with --labels.")]
Save = Annotated[Path | None, typer.Option(help="Keep the outputs (.npz) or an annotated video (.mp4).")]
Preprocess = Annotated[str, typer.Option(help="auto, imagenet, caffe, unit, raw, ultraface or y.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")]


def run(
    model: Model,
    source: SourceName,
    labels: Labels = None,
    top: Top = None,
    save: Save = None,
    preprocess: Preprocess = "auto",
    device: Device = "auto",
    threads: Threads = None,
    streams: Streams = "auto",
    batch: Batch = 1,
    strategy: Strategy = "auto",
    plan: PlanFile = None,
    depth: Depth = None,
    limit: Limit = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Stream a video, an image, a folder of images or a camera through a network.

    Results come in the order of the frames. With --json every frame that has classes to print is
    one line of JSON, and a summary is the last line.
    """
    with reported(debug), ExitStack() as stack:
        import hetero
        from hetero.cli.progress import making_ready
        from hetero.cli.sinks import open_sink
        from hetero.images import one_input, preprocessor, read_labels
        from hetero.sources import open_source

        names = None if labels is None else read_labels(labels)
        shown = top or (_TOP if names is not None else 0)
        frames = stack.enter_context(closing(open_source(source)))
        with making_ready():
            made = hetero.Session(
                load_model(model), device, threads, strategy, plan_path(plan), streams_of(streams), batch=batch
            )
        session = stack.enter_context(made)
        prepare = preprocessor(*one_input(session), preprocess, f"the input of {model}")
        sink = stack.enter_context(open_sink(save, frames.fps))
        stream = stack.enter_context(hetero.Stream(session, depth=depth))
        job = _Job(frames, prepare, session.inputs[0].name, names, shown, limit)
        interrupted = job.work(stream, sink, as_json)
        _summary(stream.statistics(), session, frames, limit is None and not interrupted, as_json)
        if interrupted:
            raise typer.Exit(130)


class _Job:
    """One source's way through a stream: frames go in here and come out in the same order."""

    def __init__(
        self,
        source: Source,
        prepare: Preprocessor,
        input_name: str,
        names: Sequence[str] | None,
        shown: int,
        limit: int | None,
    ) -> None:
        self._source = source
        self._prepare = prepare
        self._input = input_name
        self._names = names
        self._shown = shown
        self._limit = limit
        self._in_flight: deque[Frame] = deque()  # as many as the stream has slots, no more

    def work(self, stream: Any, sink: Any, as_json: bool) -> bool:
        """Streams all frames; True where the user broke it off, which is how a camera's stream ends."""
        from hetero.cli.progress import StreamProgress

        counts = [count for count in (self._source.count, self._limit) if count is not None]
        try:
            with StreamProgress(stream, min(counts, default=None), self._source.name) as progress:
                for result in stream.map(self._feeds()):
                    ranked = self._rank(result.outputs, max(self._shown, sink.lines))
                    sink.write(result.index, self._in_flight.popleft(), result.outputs, [str(r) for r in ranked])
                    self._print(result, ranked[: self._shown], as_json)
                    progress.advance()
        except KeyboardInterrupt:
            return True
        return False

    def _feeds(self) -> Iterator[dict[str, Any]]:
        for frame in islice(self._source, self._limit):
            self._in_flight.append(frame)
            yield {self._input: self._prepare(frame)}

    def _rank(self, outputs: Mapping[str, Any], count: int) -> tuple[Ranked, ...]:
        from hetero.images import scores, top

        if not count:
            return ()
        vector = scores(outputs)
        if vector is not None:
            return top(vector, count, self._names)
        if self._shown:
            shape = next(iter(outputs.values())).shape
            raise ValueError(f"the first output has shape {shape}: expected one number a class for --top or --labels")
        return ()

    def _print(self, result: Any, ranked: Sequence[Ranked], as_json: bool) -> None:
        if not ranked:
            return
        title = self._source.title(result.index)
        if as_json:
            classes = [asdict(r) for r in ranked]
            line = {"frame": result.index, "title": title, "latency": result.latency, "top": classes}
            print_json(line, indent=None)
        else:
            print(f"{title}: " + ", ".join(map(str, ranked)), flush=True)


def _summary(statistics: Any, session: Any, source: Source, whole: bool, as_json: bool) -> None:
    import hetero
    from hetero.report import busy_text

    announced = source.count
    if whole and announced is not None and statistics.frames < announced:
        print(
            f"hetero: {source.name} announces {announced} frames but gave {statistics.frames}: cut off?",
            file=sys.stderr,
        )
    plan = session.plan
    emulated = {device.name for device in hetero.devices() if device.emulated}
    if as_json:
        devices = {key: {"name": name, "emulated": name in emulated} for key, name in plan.devices.items()}
        summary = {"source": source.name, "plan": plan.name, "devices": devices, **asdict(statistics)}
        print_json({"summary": summary}, indent=None)
        return
    latencies = (statistics.latency_p50, statistics.latency_p95, statistics.latency_p99)
    named = [f"{name} (emulated)" if name in emulated else name for name in plan.devices.values()]
    print(
        f"{statistics.frames} frames in {statistics.seconds:.1f} s, {statistics.fps:.1f} frames/s; "
        "latency {:.1f} ms (95 %: {:.1f}, 99 %: {:.1f}); ".format(*(1000 * t for t in latencies))
        + f"busy: {busy_text(statistics.busy)}; {statistics.bytes_moved:,.0f} bytes moved a frame; "
        f"plan {plan.name} on {' and '.join(named)}"
        + (f"; {statistics.rescued} frames failed by a device and run again on the CPU" if statistics.rescued else "")
    )
