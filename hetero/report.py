"""Report: what a comparison of plans found, as a table for people and as plain data for programs."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol

from engine.devices.host import processor_name, usable_cores

if TYPE_CHECKING:
    from rich.table import Table


class Device(Protocol):
    """What a report says of a device; read only."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def emulated(self) -> bool: ...


@dataclass(frozen=True)
class Row:
    """One plan, measured. Times in seconds; `rates` holds the frames per second of every round.

    `predicted_fps` and `bound_fps`, which no plan for the same devices can beat, follow from the plan's costs.
    """

    name: str
    plan: str
    device: str
    strategy: str
    threads: int | None
    streams: int
    batch: int
    emulated: bool
    fps: float
    rates: tuple[float, ...]
    latency_p50: float
    latency_p95: float
    latency_p99: float
    busy: Mapping[str, float]
    bytes_moved: float
    max_relative_error: float | None
    predicted_fps: float | None
    bound_fps: float | None


@dataclass(frozen=True)
class Report:
    """A comparison: the rows in the order they were measured, and where."""

    model: str
    frames: int
    rounds: int
    rows: tuple[Row, ...]
    devices: tuple[Mapping[str, Any], ...]
    machine: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return asdict(self)


def describe_device(device: Device) -> dict[str, Any]:
    """A device's public attributes as plain data."""
    wanted = ("name", "kind", "emulated", "unified_memory", "compute_units", "driver")
    return {key: getattr(device, key, None) for key in wanted}


def machine() -> dict[str, Any]:
    """The facts that timings depend on: processor, cores, and versions."""
    return {
        "processor": processor_name(),
        "architecture": platform.machine(),
        "cores": usable_cores(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in ("hetero", "numpy", "numba", "pyopencl", "onnx")},
    }


def table(report: Report, *, brief: bool = False) -> Table:
    """The rows for a terminal, the fastest plan in bold; brief fits 80 columns."""
    from rich.table import Table

    view = Table(title=f"{report.model}: median of {report.rounds} paired rounds")
    view.add_column("plan", no_wrap=True)
    headings = ["frames/s", "ms/frame", "difference"]
    if not brief:
        headings += ["busy", "p50 / p99 ms", "bytes moved", "predicted"]
    for heading in headings:
        view.add_column(heading, justify="right")
    fastest = max(row.fps for row in report.rows)
    for row in report.rows:
        cells = [
            f"{row.fps:.1f}",
            f"{1000 / row.fps:.2f}",
            "not ONNX" if row.max_relative_error is None else f"{row.max_relative_error:.1e}",
        ]
        if not brief:
            cells += [
                busy_text(row.busy),
                f"{1000 * row.latency_p50:.1f} / {1000 * row.latency_p99:.1f}",
                f"{row.bytes_moved:,.0f}",
                "" if row.predicted_fps is None else f"{row.predicted_fps:.1f}",
            ]
        name = row.name + (f": {row.plan}" if row.strategy == "auto" else "")
        name += f", {row.streams} streams" if row.streams > 1 else ""
        name += f", batches of {row.batch}" if row.batch > 1 else ""
        name += ", GPU emulated" if row.emulated else ""
        view.add_row(name, *cells, style="bold" if row.fps == fastest else None)
    view.caption = "Difference: the largest of any output from the ONNX reference, relative to that output's largest."
    return view


def busy_text(busy: Mapping[str, float]) -> str:
    """Each device's share of time at work."""
    return ", ".join(f"{_short(name)} {share:.0%}" for name, share in busy.items())


def device_lines(devices: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a device."""
    return [
        f"{device['kind'].upper()}: {device['name']}"
        + (" (emulated on the CPU: no GPU is at work)" if device["emulated"] else "")
        for device in devices
    ]


def _short(name: str) -> str:
    return name if len(name) <= 16 else name[:15] + "…"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
