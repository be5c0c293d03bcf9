"""Limits: what a device does at most, measured here and kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from engine import jsonfile
from engine.devices.device import Bound, Device, Memory
from hetero.roofline import Limits
from kernels.limits import MULTIPLY_ADDS, TRIAD
from kernels.op import Call, Op, Spec

VERSION = 1
ROUNDS = 7  # the best counts: a limit is what nothing disturbs
SIZES = (1 << 18, 1 << 22, 1 << 28)  # bytes of the three tensors of a triad together: caches of a core, of all, memory
LONG = 1 << 28  # bytes a triad moves at least in one run
NUMBERS = 384 * 64  # a multiple of what any lowering of MultiplyAdds does at once
ARITHMETIC = 1 << 28  # operations in one run for each compute unit


def limits(device: Device) -> Limits:
    """The device's limits, from disk if they were measured before."""
    known, path = _key(device), file(device)
    if (kept := _whole(jsonfile.load(path), known)) is not None:
        return kept
    found = measure(device)
    with suppress(OSError):
        jsonfile.save(path, {"key": known, "flops": found.flops, "bandwidth": found.bandwidth})
    return found


def _whole(kept: Mapping[str, Any], known: Mapping[str, Any]) -> Limits | None:
    """What a file says, None where it is absent, damaged, of another version or of another device."""
    try:
        found = Limits(float(kept["flops"]), tuple((int(size), float(rate)) for size, rate in kept["bandwidth"]))
    except (ValueError, LookupError, TypeError):
        return None
    sound = found.flops > 0 and found.bandwidth and all(rate > 0 for _, rate in found.bandwidth)
    return found if sound and kept.get("key") == known else None


def file(device: Device) -> Path:
    """Where the device's limits are kept; without the file they are measured again."""
    name = jsonfile.name_for(*map(str, _key(device).values()))
    return user_cache_path("hetero") / "limits" / f"{name}.json"


def _key(device: Device) -> dict[str, Any]:
    workers = _workers(device)
    return {"version": VERSION, "device": device.name, "driver": device.driver, "kind": device.kind, "workers": workers}


def _workers(device: Device) -> int:
    """Threads of the CPU, compute units of a GPU."""
    return int(getattr(device, "threads", device.compute_units))


def measure(device: Device) -> Limits:
    """Multiply-adds in registers, and triads of several sizes."""
    workers = _workers(device)
    wide = device.kind == "gpu" and not device.emulated
    count = NUMBERS * workers
    repeats = max(1, ARITHMETIC * workers * (64 if wide else 1) // (2 * count))
    flops = _rate(device, MULTIPLY_ADDS, {"repeats": repeats}, 1, count, 2.0 * count * repeats)
    bandwidth = []
    for size in SIZES:
        length = size // 12 // (64 * workers) * 64 * workers
        again = max(1, LONG // size)
        given = {"repeats": again, "parts": workers}
        bandwidth.append((size, _rate(device, TRIAD, given, 2, length, 12.0 * length * again)))
    return Limits(flops, tuple(bandwidth))


def _rate(device: Device, op: Op, given: Mapping[str, Any], inputs: int, count: int, work: float) -> float:
    """The most of `work` a second among several runs of an operator on tensors of `count` numbers."""
    spec = Spec((count,))
    call = Call(op.name, given, (spec,) * inputs, (spec,))
    (step,) = device.lower(op, call).steps
    memory = [Memory(device.upload(np.ones(prod(spec.shape), np.float32))) for _ in step.operands]
    recording = device.record([Bound(step, tuple(memory))])
    recording.profile()
    return work / min(sum(recording.profile()) for _ in range(ROUNDS))
