"""hetero: convolutional networks on streams of frames, on the CPU and an OpenCL GPU at once."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hetero.machine import devices, no_gpu_reason
    from hetero.partition.strategies import strategies
    from hetero.pipeline.result import Dropped, Result
    from hetero.plan import Plan
    from hetero.session import Session
    from hetero.statistics import Statistics
    from hetero.stream import Stream

__all__ = [
    "Dropped", "Plan", "Result", "Session", "Statistics", "Stream", "devices", "no_gpu_reason", "strategies",
]  # fmt: skip
__version__ = "0.1.0"

_HOMES = {
    "Dropped": "pipeline.result",
    "Plan": "plan",
    "Result": "pipeline.result",
    "Session": "session",
    "Statistics": "statistics",
    "Stream": "stream",
    "devices": "machine",
    "no_gpu_reason": "machine",
    "strategies": "partition.strategies",
}


def __getattr__(name: str) -> Any:
    # Numba, OpenCL and ONNX take half a second to import: they come when something of theirs is used.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
