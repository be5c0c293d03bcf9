"""Bench: every plan for one network on the same frames, in paired rounds, each held against the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from math import ceil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

import hetero
from engine.reference import truth
from hetero.images import USUAL_SIZE
from hetero.machine import spare_threads
from hetero.pace import pace
from hetero.planner import Streams
from hetero.report import Report, Row, describe_device, machine

if TYPE_CHECKING:
    import onnx

Feed = Mapping[str, np.ndarray[Any, Any]]

_FEWEST_FRAMES = 8


@dataclass(frozen=True)
class Contender:
    """One way to run the network: what is asked of a Session, and what to call it."""

    name: str
    device: str
    strategy: str
    threads: int | None
    emulated: bool = False
    streams: Streams = 1
    batch: int = 1


@dataclass
class _Measured:
    contender: Contender
    session: Any
    frames: int = 0
    rates: list[float] = field(default_factory=list)
    statistics: list[Any] = field(default_factory=list)


def contenders(threads: int | None = None, strategies: Sequence[str] = (), batch: int = 1) -> tuple[Contender, ...]:
    """The plans worth comparing on this machine, those of any further strategies, and the good ones with batches.

    "CPU only" gets the threads that co-execution leaves to the CPU, and two rows more show the CPU with every core and
    no GPU, which is what to choose where the GPU is emulated on those cores: all on one frame, and each on its own.
    """
    host, *gpus = hetero.devices()
    gpu = gpus[0] if gpus else None
    cores = threads if gpu is None and threads else host.compute_units
    whole = [Contender("CPU with all cores", "cpu", "cpu", cores)]
    if cores > 1:
        whole.append(Contender("CPU with a frame a core", "cpu", "cpu", cores, streams=cores))
    if gpu is None:
        return tuple(whole)
    threads = spare_threads(gpu, threads)
    found = [
        Contender("CPU only", "cpu", "cpu", threads),
        Contender("GPU only", "gpu", "gpu", threads, gpu.emulated),
        Contender("frames dealt to both", "cpu+gpu", "interleave", threads, gpu.emulated, "auto"),
        Contender("co-execution", "cpu+gpu", "auto", threads, gpu.emulated, "auto"),
    ]
    found += [Contender(f"co-execution, {name}", "cpu+gpu", name, threads, gpu.emulated, "auto") for name in strategies]
    together = [replace(way, batch=batch) for way in found if way.strategy in ("gpu", "auto")] if batch > 1 else []
    return (*found, *together, *whole)


def random_feeds(inputs: Sequence[Any], count: int = 4, seed: int = 0) -> list[Feed]:
    """Seeded noise for a network's inputs; a symbolic batch becomes 1, any other symbol 224."""
    random = np.random.default_rng(seed)
    return [{i.name: _noise(random, _concrete(i.shape), np.dtype(i.dtype)) for i in inputs} for _ in range(count)]


def compare(
    model: Any,
    name: str,
    feeds: Sequence[Feed] | None = None,
    *,
    ways: Sequence[Contender] | None = None,
    rounds: int = 5,
    seconds: float = 2.0,
    depth: int | None = None,
    told: Callable[[str], None] = lambda line: None,
) -> Report:
    """Measures every contender by turns, A B C A B C, about `seconds` each time.

    Rounds are paired so that whatever else the machine does falls on all alike; a row reports
    medians over its rounds. `told` hears what is being done.
    """
    ways = contenders() if ways is None else ways
    with ExitStack() as open_sessions:
        measured: list[_Measured] = []
        for way in ways:
            told(f"preparing {way.name}")
            session = hetero.Session(
                model,
                device=way.device,
                threads=way.threads,
                strategy=way.strategy,
                streams=way.streams,
                batch=way.batch,
            )
            measured.append(_Measured(way, open_sessions.enter_context(session)))
        feeds = feeds or random_feeds(measured[0].session.inputs)
        told("asking the ONNX reference")
        proto = _proto(model)
        right = None if proto is None else truth(proto, feeds[0])
        errors = [None if right is None else relative_error(m.session(feeds[0]), right) for m in measured]
        for m in measured:
            told(f"warming up {m.contender.name}")
            plan = m.session.plan
            rate, _ = streamed(m.session, feeds, plan.rounds(_FEWEST_FRAMES), depth)
            m.frames = plan.rounds(max(_FEWEST_FRAMES, ceil(rate * seconds)))
        for number in range(rounds):
            for m in measured:
                told(f"round {number + 1} of {rounds}: {m.contender.name}")
                rate, statistics = streamed(m.session, feeds, m.frames, depth)
                m.rates.append(rate)
                m.statistics.append(statistics)
        rows = tuple(_row(m, error) for m, error in zip(measured, errors, strict=True))
    devices = tuple(describe_device(device) for device in hetero.devices())
    return Report(name, sum(m.frames * rounds for m in measured), rounds, rows, devices, machine())


def streamed(session: Any, feeds: Sequence[Feed], frames: int, depth: int | None = None) -> tuple[float, Any]:
    """Frames a second of a stream that is under way, of which so many count, and the stream's statistics."""
    lead = (depth or session.plan.slots) * session.plan.batch
    with hetero.Stream(session, depth=depth) as stream:
        ends = [each.finished for each in stream.map(islice(cycle(feeds), frames + 2 * lead))]
        return 1 / pace(ends, lead), stream.statistics()


def relative_error(got: Feed, want: Feed) -> float:
    """The largest difference of any output element, relative to the largest number of that output."""
    worst = 0.0
    for name, right in want.items():
        scale = float(np.abs(right).max(initial=0.0)) or 1.0
        given = np.asarray(got[name], np.float64).reshape(right.shape)
        worst = max(worst, float(np.abs(given - right).max(initial=0.0)) / scale)
    return worst


def _row(m: _Measured, error: float | None) -> Row:
    way, plan = m.contender, m.session.plan
    return Row(
        name=way.name,
        plan=plan.name,
        device=way.device,
        strategy=way.strategy,
        threads=way.threads,
        streams=plan.streams,
        batch=plan.batch,
        emulated=way.emulated,
        fps=median(m.rates),
        rates=tuple(m.rates),
        latency_p50=median(s.latency_p50 for s in m.statistics),
        latency_p95=median(s.latency_p95 for s in m.statistics),
        latency_p99=median(s.latency_p99 for s in m.statistics),
        busy={device: median(s.busy[device] for s in m.statistics) for device in m.statistics[0].busy},
        bytes_moved=median(s.bytes_moved for s in m.statistics),
        max_relative_error=error,
        predicted_fps=1 / plan.predicted if plan.predicted else None,
        bound_fps=1 / plan.bound if plan.bound else None,
    )


def _proto(model: Any) -> onnx.ModelProto | None:
    """The model as ONNX, None where it came in another format, of which the reference knows nothing."""
    import onnx

    if isinstance(model, onnx.ModelProto):
        return model
    return onnx.load(model) if Path(model).suffix == ".onnx" else None


def _concrete(shape: Sequence[int | str]) -> tuple[int, ...]:
    return tuple(side if isinstance(side, int) else 1 if axis == 0 else USUAL_SIZE for axis, side in enumerate(shape))


def _noise(random: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    if dtype.kind == "f":
        return random.standard_normal(shape, dtype=np.float32).astype(dtype, copy=False)
    return random.integers(0, 2 if dtype.kind == "b" else 128, shape).astype(dtype)
