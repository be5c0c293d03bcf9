"""Demo: `make demo`. Streams a video through a network on both devices, then compares the plans."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from hetero.cli.errors import reported
from hetero.cli.options import Debug, load_model
from hetero.sources import Frame, VideoWriter, open_source, read_image

_NETWORK = "zoo:googlenet"
# Of scikit-image's photographs those in colour that lie inside its wheel, so nothing is downloaded.
_PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
_WIDTH, _HEIGHT, _FPS = 640, 360, 30
_SECONDS_A_PHOTOGRAPH = 3
# Frames kept ready for the comparison, so that it measures plans and not the decoder.
_READY = 16

ModelName = Annotated[str, typer.Argument(metavar="[MODEL]", help="An ONNX file or zoo:NAME.")]
VideoName = Annotated[str | None, typer.Argument(metavar="[VIDEO]", help="A video; made here if left out.")]
Rounds = Annotated[int, typer.Option(min=1, help="Paired rounds of the comparison.")]
Seconds = Annotated[float, typer.Option(min=0.01, help="About how long one plan runs in one round.")]


def demo(
    model: ModelName = _NETWORK,
    video: VideoName = None,
    rounds: Rounds = 3,
    seconds: Seconds = 2.0,
    debug: Debug = False,
) -> None:
    """Stream a video through a network on CPU and GPU at once, then compare that with either alone."""
    with reported(debug):
        if video is not None:
            _show(model, video, rounds, seconds)
            return
        with tempfile.TemporaryDirectory(prefix="hetero-demo-") as folder:
            path = Path(folder) / "hand-held.mp4"
            print(f"Making a video of {len(_PHOTOGRAPHS)} photographs, as a hand-held camera would see them ...")
            frames = make_video(path)
            print(f"  {frames} frames of {_WIDTH} x {_HEIGHT}, {path.stat().st_size / 1e6:.1f} MB, MPEG-4")
            _show(model, str(path), rounds, seconds)


def make_video(path: Path, seconds: int = _SECONDS_A_PHOTOGRAPH, seed: int = 0) -> int:
    """Writes the demo's video; returns its number of frames. The same seed gives the same frames."""
    count = 0
    with VideoWriter(path, _FPS) as writer:
        for number, photograph in enumerate(photographs()):
            for frame in pan(photograph, seconds * _FPS, seed + number):
                writer.write(frame)
                count += 1
    return count


def photographs() -> list[Frame]:
    """scikit-image's photographs, read from where it is installed."""
    try:
        import skimage
    except ModuleNotFoundError:
        raise LookupError(
            "the demo films photographs that scikit-image ships, and it is not installed: "
            "pip install 'hetero[demo]', or give a MODEL and a VIDEO"
        ) from None
    return [read_image(Path(skimage.__file__).parent / "data" / name) for name in _PHOTOGRAPHS]


def pan(photograph: Frame, frames: int, seed: int) -> Iterator[Frame]:
    """A photograph filmed by an unsteady hand: slow drift, zoom and tilt, with a tremble on top."""
    import cv2

    height, width = photograph.shape[:2]
    across, down, zoom, tilt = (_wander(frames, seed, channel) for channel in range(4))
    # At most zoomed out, the view still leaves a margin for drift and tilt to stay inside the picture.
    widest = 0.75 * min(width / _WIDTH, height / _HEIGHT)
    for x, y, z, t in zip(across, down, zoom, tilt, strict=True):
        scale = widest * (0.8 + 0.2 * z)
        turn = np.deg2rad(4 * t)
        forward = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        room = (np.array([width, height]) - scale * np.array([_WIDTH, _HEIGHT])) / 2
        centre = np.array([width, height]) / 2 + 0.8 * room * (x, y)
        corner = centre - forward @ (_WIDTH / 2, _HEIGHT / 2)
        view = np.column_stack([forward, corner])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(photograph, view, (_WIDTH, _HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT)
        yield np.asarray(seen, np.uint8)


def _wander(frames: int, seed: int, channel: int) -> np.ndarray[Any, Any]:
    """Smooth noise between -1 and 1: a slow sway, and a hundredth of it as tremble."""
    random = np.random.default_rng([seed, channel])
    seconds = np.arange(frames) / _FPS
    path = np.zeros(frames)
    for hertz, strength in ((0.15, 0.6), (0.4, 0.3), (6.0, 0.006), (9.0, 0.006)):
        path += strength * np.sin(2 * np.pi * (hertz * random.uniform(0.8, 1.2) * seconds + random.random()))
    return np.clip(path, -1, 1)


def _show(model: str, video: str, rounds: int, seconds: float) -> None:
    from rich.console import Console

    import hetero
    from hetero.bench import compare, contenders
    from hetero.images import preprocessor
    from hetero.report import describe_device, device_lines, table

    out = Console()
    for line in device_lines([describe_device(device) for device in hetero.devices()]):
        out.print(line, highlight=False)
    reason = hetero.no_gpu_reason()
    if reason is not None:
        out.print(f"No OpenCL device, so everything runs on the CPU: {reason}", highlight=False)
    loaded = load_model(model)
    ways = contenders()
    chosen = next((way for way in ways if way.strategy == "auto"), ways[0])
    with out.status(f"Measuring the operators of {model} on each device, to plan with") as status:
        session = hetero.Session(
            loaded, device=chosen.device, threads=chosen.threads, strategy=chosen.strategy, streams=chosen.streams
        )
        status.stop()
        with session:
            prepare = preprocessor(session.inputs[0].shape, session.inputs[0].dtype, what=f"the input of {model}")
            name = session.inputs[0].name
            _stream(session, video, prepare, name, f"{model} on {Path(video).name}")
    with closing(open_source(video)) as source:
        feeds = [
            {name: prepare(frame)} for frame in islice(source, 0, _READY * _stride(source.count), _stride(source.count))
        ]
    with out.status("Comparing") as status:
        report = compare(loaded, model, feeds, ways=ways, rounds=rounds, seconds=seconds, told=status.update)
    out.print(table(report, brief=True))
    out.print("The rows took turns on the same frames of the video, decoded beforehand.", highlight=False)
    if any(way.emulated for way in ways):
        out.print(
            "No GPU is at work: it is emulated on one of this machine's own cores, so that plans can be "
            'compared. To get work done here, use the CPU alone, as device="auto" does.',
            highlight=False,
        )


def _stride(count: int | None) -> int:
    """Which frames to take of a video so that the few kept are spread over all of it."""
    return max(1, (count or 1) // _READY)


def _stream(session: Any, video: str, prepare: Any, name: str, title: str) -> None:
    import hetero
    from hetero.cli.progress import StreamProgress

    with closing(open_source(video)) as source, hetero.Stream(session) as stream:
        with StreamProgress(stream, source.count, title) as progress:
            for _ in stream.map({name: prepare(frame)} for frame in source):
                progress.advance()
        statistics = stream.statistics()
    print(
        f"Streamed {statistics.frames} frames through {session.plan.name}: {statistics.fps:.1f} frames/s "
        f"with decoding and resizing, latency {1000 * statistics.latency_p50:.1f} ms"
    )


if __name__ == "__main__":
    typer.run(demo)
