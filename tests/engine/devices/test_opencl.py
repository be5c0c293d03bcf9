"""The OpenCL device: discovery, recordings, profiles, errors."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from engine.devices import discover, entry
from engine.devices.device import Bound, Memory
from engine.devices.opencl import OpenClDevice
from kernels.op import Call, CpuStep, GpuStep, Spec
from kernels.opencl import elementwise
from kernels.ops import operators


@pytest.fixture
def device() -> OpenClDevice:
    if not discover.opencl_devices():
        pytest.skip(discover.why_no_opencl() or "no OpenCL device")
    return discover.opencl_devices()[0]


def negate(device: OpenClDevice, count: int = 1000) -> tuple[GpuStep, Memory, Memory]:
    call = Call("Neg", {}, (Spec((count,)),), (Spec((count,)),))
    lowering = elementwise.lower(call, device.target)
    assert lowering is not None
    x = device.upload(np.arange(count, dtype=np.float32))
    return lowering.steps[0], Memory(x), Memory(device.allocate(count * 4))


def fetch(device: OpenClDevice, memory: Memory, count: int = 1000) -> np.ndarray:
    import pyopencl as cl

    result = np.empty(count, np.float32)
    cl.enqueue_copy(device.queue, result, memory.base)
    return result


def test_attributes(device: OpenClDevice) -> None:
    assert device.kind == "gpu"
    assert device.compute_units == device.target.compute_units >= 1
    assert device.target.simt is not device.emulated
    assert discover.why_no_opencl() is None
    assert int(os.environ["POCL_MAX_PTHREAD_COUNT"]) >= 1


@pytest.mark.parametrize("by_address", [True, False])
def test_replay(device: OpenClDevice, by_address: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not by_address:
        monkeypatch.setattr(entry, "address", lambda name: 0)
    step, x, y = negate(device)
    recording = device.record([Bound(step, (x, y)), Bound(step, (y, x)), Bound(step, (x, y))])
    for _ in range(2):
        recording.start()
    recording.wait()
    assert np.array_equal(fetch(device, y), -np.arange(1000))


def test_recording_keeps_memory(device: OpenClDevice) -> None:
    step, x, y = negate(device)
    recording = device.record([Bound(step, (x, y)), Bound(step, (y, device_scratch(device)))])
    del x
    for _ in range(20):
        device.upload(np.zeros(1000, np.float32))
    recording.start()
    recording.wait()
    assert np.array_equal(fetch(device, y), -np.arange(1000))


def device_scratch(device: OpenClDevice) -> Memory:
    return Memory(device.allocate(4000))


def test_profile(device: OpenClDevice) -> None:
    step, x, y = negate(device)
    seconds = device.record([Bound(step, (x, y))] * 3).profile()
    assert len(seconds) == 3
    assert all(0 <= value < 1 for value in seconds)


@pytest.mark.parametrize("by_address", [True, False])
def test_enqueue_error(device: OpenClDevice, by_address: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not by_address:
        monkeypatch.setattr(entry, "address", lambda name: 0)
    step, x, y = negate(device)
    bad = replace(step, local_size=(1 << 20, 1), global_size=(1 << 20, 1))
    recording = device.record([Bound(step, (x, y)), Bound(bad, (x, y))])
    with pytest.raises(RuntimeError, match=r"'chain' \(launch 1 of 2.*OpenCL error -\d+"):
        recording.start()


def test_only_gpu_steps(device: OpenClDevice) -> None:
    with pytest.raises(TypeError, match="not CpuStep"):
        device.record([Bound(CpuStep(0, ()), ())])


def test_empty_recording_and_empty_constant(device: OpenClDevice) -> None:
    device.upload(np.zeros(0, np.float32))
    recording = device.record([])
    recording.start()
    recording.wait()
    assert recording.profile() == []


def test_programs_are_built_once(device: OpenClDevice) -> None:
    step, x, y = negate(device)
    device.record([Bound(step, (x, y))])
    built = len(device.programs)
    device.record([Bound(step, (x, y))])
    assert len(device.programs) == built


@pytest.mark.parametrize("tuned", [True, False])
def test_a_gpu_that_was_never_tuned_says_so_once(
    device: OpenClDevice, tuned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    made = OpenClDevice(device.handle)
    made.emulated = False
    made.target = replace(made.target, tunings={("direct", "a shape"): {}} if tuned else {})
    caplog.set_level("INFO", "hetero")
    call = Call("Neg", {}, (Spec((8,)),), (Spec((8,)),))
    for _ in range(2):
        assert made.lower(operators()["Neg"], call) is not None
    assert [record.message.endswith("may find faster ways") for record in caplog.records] == [True] * (not tuned)


@pytest.mark.parametrize(
    "sabotage",
    ["sys.modules['pyopencl'] = None", "os.environ['OCL_ICD_VENDORS'] = '/nowhere'"],
)
def test_no_opencl(sabotage: str) -> None:
    code = (
        f"import os, sys\n{sabotage}\n"
        "from engine.devices.discover import opencl_devices, why_no_opencl\n"
        "assert opencl_devices() == []\n"
        "reason = why_no_opencl()\n"
        "assert reason and '\\n' not in reason, reason\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
