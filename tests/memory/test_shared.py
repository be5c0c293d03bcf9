"""Memory both sides see: hand-overs, what they copy, and wrong turns."""

from __future__ import annotations

import sys
from threading import Thread

import numpy as np
import pyopencl as cl
import pytest

from engine.devices import entry
from engine.devices.device import Bound
from engine.devices.discover import opencl_devices, why_no_opencl
from engine.devices.opencl import OpenClDevice
from hetero.memory.shared import MappedBuffer, OwnershipError, StagedBuffer, share
from kernels.op import Call, Spec
from kernels.opencl import elementwise

both_kinds = pytest.mark.parametrize("staged", [False, True])


@pytest.fixture(params=[0, 2], ids=["one queue", "a queue a slot"])
def device(request: pytest.FixtureRequest) -> OpenClDevice:
    if not opencl_devices():
        pytest.skip(why_no_opencl() or "no OpenCL device")
    made = OpenClDevice(opencl_devices()[0].handle)
    made.ahead = request.param
    return made


@both_kinds
@pytest.mark.parametrize("by_address", [True, False])
@pytest.mark.parametrize("count", [1, 1000, 70_001])
def test_there_and_back(
    device: OpenClDevice, staged: bool, count: int, by_address: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not by_address:
        monkeypatch.setattr(entry, "address", lambda name: 0)
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
        x.hand("host", wanted=False)
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


@pytest.mark.skipif(sys.platform != "linux", reason="where the system can")
def test_what_is_mapped_is_there_before_the_first_frame(device: OpenClDevice) -> None:
    import resource

    host = share(device, 1 << 24, staged=False).host
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
    host[:] = 1
    assert resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before < 100  # of 4096 pages


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


def test_slots_do_not_wait_for_each_other(device: OpenClDevice) -> None:
    device.ahead = 1
    gate = cl.UserEvent(device.context)
    held, free = (share(device, 1 << 16, slot=slot, staged=True) for slot in range(2))
    cl.enqueue_barrier(device.lane(0).queue, wait_for=[gate])
    try:
        for shared in (held, free):
            shared.host[:] = 5
            shared.to_device()
            shared.wait()
            shared.to_host()
        free.wait()
        assert free.host.tolist() == [5] * (1 << 16)
        waiting = Thread(target=held.wait)
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
    finally:
        gate.set_status(cl.command_execution_status.COMPLETE)
    waiting.join()
    assert held.host.tolist() == [5] * (1 << 16)


@both_kinds
def test_what_the_device_never_took_comes_back_with_its_bytes(device: OpenClDevice, staged: bool) -> None:
    made = share(device, 64, staged=staged, checked=True)
    for value in range(3):
        made.host[:] = value
        made.to_device()
        made.recall()
        assert made.host.tolist() == [value] * 64


@both_kinds
def test_no_size(device: OpenClDevice, staged: bool) -> None:
    with pytest.raises(ValueError, match="not 0"):
        share(device, 0, staged=staged)
