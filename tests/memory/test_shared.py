"""Memory both sides see: hand-overs, what they copy, and wrong turns."""

from __future__ import annotations

import numpy as np
import pyopencl as cl
import pytest

from engine.devices.device import Bound
from engine.devices.discover import opencl_devices, why_no_opencl
from engine.devices.opencl import OpenClDevice
from hetero.memory.shared import MappedBuffer, OwnershipError, StagedBuffer, share
from kernels.op import Call, Spec
from kernels.opencl import elementwise

both_kinds = pytest.mark.parametrize("staged", [False, True])


@pytest.fixture
def device() -> OpenClDevice:
    if not opencl_devices():
        pytest.skip(why_no_opencl() or "no OpenCL device")
    return opencl_devices()[0]


@both_kinds
@pytest.mark.parametrize("count", [1, 1000, 70_001])
def test_there_and_back(device: OpenClDevice, staged: bool, count: int) -> None:
    x, y = (share(device, count * 4, staged=staged) for _ in range(2))
    call = Call("Neg", {}, (Spec((count,)),), (Spec((count,)),))
    lowering = elementwise.lower(call, device.target)
    assert lowering is not None
    recording = device.record([Bound(step, (x.memory, y.memory)) for step in lowering.steps])
    for turn in range(5):
        values = np.arange(count, dtype=np.float32) + turn
        x.host.view(np.float32)[:] = values
        x.to_device()
        y.hand("device", wanted=False)
        x.wait()
        y.wait()
        recording.start()
        x.release()
        y.to_host()
        x.wait()
        y.wait()
        assert np.array_equal(y.host.view(np.float32), -values)
        assert np.array_equal(x.host.view(np.float32), values)
    assert x.moved == 5 * x.copied
    assert y.moved == 5 * y.copied


@both_kinds
def test_kind_and_bytes(device: OpenClDevice, staged: bool) -> None:
    made = share(device, 5000, staged=staged)
    assert isinstance(made, StagedBuffer if staged else MappedBuffer)
    assert made.host.shape == (5000,)
    assert made.host.ctypes.data % 4096 == 0
    assert made.zero_copy is (not staged and device.unified_memory)
    assert made.copied == (0 if made.zero_copy else 5000)


@both_kinds
def test_wrong_turns(device: OpenClDevice, staged: bool) -> None:
    made = share(device, 64, staged=staged, checked=True)
    with pytest.raises(OwnershipError, match="host, which owns it"):
        made.to_host()
    made.to_device()
    with pytest.raises(OwnershipError, match="while the device owns it"):
        made.host[0] = 1
    with pytest.raises(OwnershipError, match="device, which owns it"):
        made.to_device()
    made.to_host()
    with pytest.raises(OwnershipError, match="before it waited"):
        made.host[0] = 1
    made.wait()
    made.host[0] = 1


@both_kinds
def test_what_was_lent_comes_back(device: OpenClDevice, staged: bool) -> None:
    made = share(device, 64, staged=staged, checked=True)
    for _ in range(2):
        made.hand("device", wanted=False)
        made.recall()
        made.host[:] = 7
        made.recall()  # what is the host's already is left alone
        assert made.host.tolist() == [7] * 64
    assert made.moved == 0


def test_copies_wait_for_no_launches_but_their_own(device: OpenClDevice) -> None:
    gate = cl.UserEvent(device.context)
    shared = [share(device, 1 << 16, staged=True) for _ in range(2)]
    shared[1].host[:] = 5
    shared[1].to_device()
    shared[1].wait()
    device.queue.finish()
    cl.enqueue_barrier(device.queue, wait_for=[gate])  # launches stand still
    try:
        shared[0].to_device()
        device.uploads.finish()
        shared[1].to_host()  # this one waits for what the launches make of it
        assert shared[1]._event is not None
        assert shared[1]._event.command_execution_status != cl.command_execution_status.COMPLETE
    finally:
        gate.set_status(cl.command_execution_status.COMPLETE)
    shared[1].wait()
    assert shared[1].host.tolist() == [5] * (1 << 16)


@both_kinds
def test_no_size(device: OpenClDevice, staged: bool) -> None:
    with pytest.raises(ValueError, match="not 0"):
        share(device, 0, staged=staged)
