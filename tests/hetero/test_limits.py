"""Limits: kernels that do what they say, and figures kept on disk until they are no longer good."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.devices.device import Bound, Device, Memory
from engine.devices.discover import opencl_devices
from hetero import limits
from hetero.machine import cpu
from hetero.roofline import Limits
from kernels.limits import MULTIPLY_ADDS, TRIAD
from kernels.op import Call, Op, Spec

FOUND = Limits(2e9, ((1024, 5e9), (4096, 1e9)))
Array = np.ndarray[Any, Any]


@pytest.fixture(params=["cpu", "gpu"])
def device(request: pytest.FixtureRequest) -> Device:
    if request.param == "cpu":
        return cpu(2)
    if not opencl_devices():
        pytest.skip("no OpenCL device")
    return opencl_devices()[0]


def result(device: Device, op: Op, given: dict[str, int], inputs: list[Array]) -> Array:
    spec = Spec(inputs[0].shape)
    call = Call(op.name, given, (spec,) * len(inputs), (spec,))
    (step,) = device.lower(op, call).steps
    memory = [device.upload(array) for array in (*inputs, np.zeros_like(inputs[0]))]
    recording = device.record([Bound(step, tuple(map(Memory, memory)))])
    recording.start()
    recording.wait()
    if device.kind == "cpu":
        return np.asarray(memory[-1].view(np.float32))
    import pyopencl as cl

    found = np.empty_like(inputs[0])
    cl.enqueue_copy(device.queue, found, memory[-1])  # type: ignore[attr-defined]
    return found


def test_multiply_adds(device: Device, random: np.random.Generator) -> None:
    x = random.standard_normal(limits.NUMBERS, np.float32)
    want = x
    for _ in range(5):
        want = want / 2 + 1
    np.testing.assert_allclose(result(device, MULTIPLY_ADDS, {"repeats": 5}, [x]), want, rtol=1e-6)


def test_triad(device: Device, random: np.random.Generator) -> None:
    a, b = random.standard_normal((2, 64 * 2 * 128), np.float32)
    got = result(device, TRIAD, {"repeats": 3, "parts": 2}, [a, b])
    np.testing.assert_allclose(got, a + 2 * b, rtol=1e-6, atol=1e-6)


def test_measured_limits_are_plausible(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SIZES", (1 << 18, 1 << 20))
    monkeypatch.setattr(limits, "LONG", 1 << 24)
    found = limits.measure(device)
    assert 1e8 < found.flops < 1e16
    assert [size for size, _ in found.bandwidth] == [1 << 18, 1 << 20]
    assert all(1e8 < rate < 1e15 for _, rate in found.bandwidth)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices that were measured, on a machine whose cache is empty."""
    names: list[str] = []

    def measure(device: Any) -> Limits:
        names.append(device.name)
        return FOUND

    monkeypatch.setattr(limits, "measure", measure)
    monkeypatch.setattr(limits, "user_cache_path", lambda name: tmp_path)
    return names


def fake(name: str = "Some GPU", driver: str = "1.0", **more: int) -> Any:
    return SimpleNamespace(name=name, driver=driver, kind="gpu", emulated=False, compute_units=4, **more)


def test_limits_are_measured_once(asked: list[str]) -> None:
    assert limits.limits(fake()) == limits.limits(fake()) == FOUND
    assert asked == ["Some GPU"]


def test_another_device_driver_or_number_of_threads_is_measured(asked: list[str]) -> None:
    for device in (fake(), fake("Other"), fake(driver="1.1"), fake(threads=1), fake(threads=2)):
        limits.limits(device)
    assert len(asked) == 5


@pytest.mark.parametrize("damage", ["", "{}", "[]", "no JSON", "flops", "key", "bandwidth"])
def test_a_damaged_file_is_measured_again(asked: list[str], damage: str) -> None:
    limits.limits(fake())
    path = limits.file(fake())
    kept = json.loads(path.read_text())
    if damage in kept:
        kept[damage] = {"flops": -1, "key": {**kept["key"], "version": 0}, "bandwidth": []}[damage]
        damage = json.dumps(kept)
    path.write_text(damage)
    assert limits.limits(fake()) == FOUND
    assert len(asked) == 2
    assert json.loads(path.read_text())["flops"] == FOUND.flops
