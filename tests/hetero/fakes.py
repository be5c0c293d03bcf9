"""Fakes: the public names of hetero with onnxruntime behind them, so that commands are tested alone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import onnxruntime
import pytest

import hetero
from hetero.pipeline.result import Result
from hetero.plan import Plan
from hetero.statistics import Statistics

_DTYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int64)": np.int64}
_STRATEGIES = ("auto", *hetero.strategies())


@dataclass(frozen=True)
class FakeDevice:
    name: str
    kind: str
    emulated: bool = False
    unified_memory: bool = True
    compute_units: int = 1
    driver: str = "1.0"


@dataclass(frozen=True)
class FakePort:
    name: str
    shape: tuple[int | str, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class FakeRecord:
    operator: str
    op: str
    device: str
    kernel: str
    seconds: float
    flops: int


class FakeSession:
    """A session that keeps the promises of the real one and notes how it was asked for."""

    made: ClassVar[list[FakeSession]] = []

    def __init__(
        self,
        model: str | onnx.ModelProto,
        device: str = "auto",
        threads: int | None = None,
        strategy: str = "auto",
        plan: str | None = None,
        streams: int | str = 1,
        batch: int = 1,
    ) -> None:
        if strategy not in _STRATEGIES:
            raise ValueError(f"unknown strategy {strategy!r}: expected one of {', '.join(_STRATEGIES)}")
        self.asked = (device, threads, strategy, plan)
        self.closed = False
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        given = model if isinstance(model, str) else model.SerializeToString()
        self._real = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        self.inputs = tuple(self._port(i) for i in self._real.get_inputs())
        self.outputs = tuple(self._port(o) for o in self._real.get_outputs())
        keys = device.split("+") if device != "auto" else ["cpu"]
        self.plan = Plan(strategy, strategy, "0" * 64, dict.fromkeys(keys, "fake"), threads, ({},), predicted=0.01)
        FakeSession.made.append(self)

    def __enter__(self) -> FakeSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, feeds: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, Any]:
        names = [o.name for o in self.outputs]
        return dict(zip(names, self._real.run(names, dict(feeds)), strict=True))

    def close(self) -> None:
        self.closed = True

    def profile(self) -> tuple[FakeRecord, ...]:
        return (
            FakeRecord("conv1", "Conv", "cpu", "numba", 0.003, 6_000_000),
            FakeRecord("odd", "Selu", "cpu", "reference", 0.001, 0),
        )

    @staticmethod
    def _port(port: Any) -> FakePort:
        return FakePort(port.name, tuple(port.shape), np.dtype(_DTYPES[port.type]))


class FakeStream:
    """A stream that holds at most three frames, so a caller that hoards more is caught."""

    slots = 3

    def __init__(self, session: FakeSession, depth: int | None = None) -> None:
        self._session = session
        self._frames = 0
        self._start = time.perf_counter()

    def __enter__(self) -> FakeStream:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, frames: Iterable[Mapping[str, np.ndarray[Any, Any]]]) -> Iterator[Result]:
        waiting: list[dict[str, Any]] = []
        for feeds in frames:
            waiting.append(self._session(feeds))
            if len(waiting) == self.slots:
                yield self._result(waiting.pop(0))
        while waiting:
            yield self._result(waiting.pop(0))

    def _result(self, outputs: dict[str, Any]) -> Result:
        self._frames += 1
        return Result(outputs, self._frames - 1, 0.002, time.perf_counter())

    def statistics(self) -> Statistics:
        seconds = time.perf_counter() - self._start
        busy = dict.fromkeys(self._session.plan.devices, 0.5)
        idle = {device: {"no-frame": 0.5} for device in busy}
        return Statistics(self._frames, 0, 0, seconds, self._frames / seconds, 0.002, 0.003, 0.004, busy, idle, 0.0)


CPU = FakeDevice("Some processor", "cpu", compute_units=2)
EMULATED = FakeDevice("PoCL on some processor", "gpu", emulated=True)
REAL = FakeDevice("Some GPU", "gpu", unified_memory=False, compute_units=132)


def install(monkeypatch: pytest.MonkeyPatch, *devices: FakeDevice) -> None:
    """Puts the fakes in place of the public names, on a machine of such devices."""
    FakeSession.made.clear()
    reason = None if any(d.kind == "gpu" for d in devices) else "no OpenCL platform was found"
    names = {
        "Session": FakeSession,
        "Stream": FakeStream,
        "devices": lambda: list(devices),
        "no_gpu_reason": lambda: reason,
    }
    monkeypatch.setattr("hetero.machine.cpu", lambda threads=None: devices[0])
    for name, fake in names.items():
        # Not setattr, which would first import the real one to put it back later.
        monkeypatch.setitem(vars(hetero), name, fake)


def classifier(path: Path, classes: int = 10, side: int = 16, channels: int = 3) -> Path:
    """Saves a small network that tells frames apart by colour and by where it lies."""
    random = np.random.default_rng(0)
    weights = random.standard_normal((classes, channels, side, side)).astype(np.float32) / side
    node = onnx.helper.make_node("Conv", ["data", "w"], ["conv"], name="conv")
    flat = onnx.helper.make_node("Flatten", ["conv"], ["flat"], name="flat")
    soft = onnx.helper.make_node("Softmax", ["flat"], ["prob"], name="soft", axis=1)
    value = onnx.helper.make_tensor_value_info
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [node, flat, soft],
        "classifier",
        [value("data", kind, [1, channels, side, side])],
        [value("prob", kind, [1, classes])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    opset = onnx.helper.make_opsetid("", 17)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path
