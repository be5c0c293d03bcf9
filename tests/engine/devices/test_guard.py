"""The guard: what fails, hangs, kills or lies in a child process never runs here, and is remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from engine.devices.alone import extent, noise
from engine.devices.child import Child, ChildFailedError
from engine.devices.discover import opencl_devices, why_no_opencl
from engine.devices.guard import KNOWN, Guard, guard, right
from engine.devices.opencl import OpenClDevice
from engine.devices.verdicts import Verdicts, program_key
from engine.devices.wire import encode, lowering, request
from kernels.op import Call, GpuLowering, Spec
from kernels.ops import operators

CALL = Call("Neg", {}, (Spec((2, 5)),), (Spec((2, 5)),))
OP = operators()["Neg"]


class FakeChild(Child):
    """Answers as a function of the request does."""

    def __init__(self, answers: Callable[[Mapping[str, Any]], Any]) -> None:
        super().__init__()
        self._fake, self.asked = answers, 0

    def ask(self, request: Mapping[str, Any], seconds: float) -> Any:
        self.asked += 1
        return self._fake(request)


@pytest.fixture
def device() -> OpenClDevice:
    if not opencl_devices():
        pytest.skip(why_no_opencl() or "no OpenCL device")
    return OpenClDevice(opencl_devices()[0].handle)


@pytest.fixture
def negate(device: OpenClDevice) -> GpuLowering:
    assert OP.gpu is not None
    made = OP.gpu(CALL, device.target)
    assert made is not None
    return made


def truthful(request: Mapping[str, Any]) -> list[str]:
    return [encode(output) for output in right(OP, CALL)]


def guarded(device: OpenClDevice, folder: Path, child: Child, known: bool = False) -> Guard:
    return Guard(device, Verdicts("some device", "new driver", folder), child, known=known)


def test_right_numbers_pass_and_are_not_tried_again(device: OpenClDevice, negate: GpuLowering, tmp_path: Path) -> None:
    child = FakeChild(truthful)
    assert guarded(device, tmp_path, child).passes(OP, CALL, negate)
    assert guarded(device, tmp_path, child).passes(OP, CALL, negate)
    assert child.asked == 1


def test_wrong_numbers_are_avoided_from_then_on(device: OpenClDevice, negate: GpuLowering, tmp_path: Path) -> None:
    child = FakeChild(lambda request: [encode(output * 0) for output in right(OP, CALL)])
    for known in (False, False, True):
        assert not guarded(device, tmp_path, child, known).passes(OP, CALL, negate)
    assert child.asked == 1
    (kept,) = tmp_path.iterdir()
    assert "wrong numbers" in kept.read_text()


def test_a_program_that_kills_is_avoided_at_every_size(
    device: OpenClDevice, negate: GpuLowering, tmp_path: Path
) -> None:
    def dies(request: Mapping[str, Any]) -> Any:
        raise ChildFailedError("was ended by SIGSEGV", 0)

    child = FakeChild(dies)
    assert not guarded(device, tmp_path, child).passes(OP, CALL, negate)
    other = GpuLowering((replace(negate.steps[0], numbers=(1, 2, 3)),))
    assert not guarded(device, tmp_path, child).passes(OP, CALL, other)
    assert child.asked == 1
    verdicts = Verdicts("some device", "new driver", tmp_path)
    assert "SIGSEGV" in (verdicts.failed(negate) or "")
    assert Verdicts("some device", "newer driver", tmp_path).failed(negate) is None


def test_a_child_that_never_began_condemns_nothing(device: OpenClDevice, negate: GpuLowering, tmp_path: Path) -> None:
    def cannot(request: Mapping[str, Any]) -> Any:
        raise ChildFailedError("ended with status 1", None)

    assert not guarded(device, tmp_path, FakeChild(cannot)).passes(OP, CALL, negate)
    assert guarded(device, tmp_path, FakeChild(truthful)).passes(OP, CALL, negate)


def test_known_drivers_need_no_child(device: OpenClDevice, negate: GpuLowering, tmp_path: Path) -> None:
    child = FakeChild(truthful)
    assert guarded(device, tmp_path, child, known=True).passes(OP, CALL, negate)
    assert child.asked == 0
    assert guard(device).known is any(fnmatch(device.driver, pattern) for pattern in KNOWN)


def test_a_device_does_not_lower_what_failed(device: OpenClDevice, negate: GpuLowering, tmp_path: Path) -> None:
    assert device.lower(OP, CALL) is not None
    device.guard = guarded(device, tmp_path, FakeChild(truthful), known=True)
    device.guard.verdicts.fails(program_key(negate.steps[0]), "hung")
    assert device.lower(OP, CALL) is None


def test_a_lowering_survives_the_wire(negate: GpuLowering) -> None:
    asked = request("name", "driver", negate, noise(CALL), [extent(CALL.outputs[0])])
    assert lowering(asked) == negate


class TestForReal:
    """The child process itself, on this machine's driver."""

    @pytest.fixture
    def real(self, device: OpenClDevice, tmp_path: Path) -> Any:
        child = Child()
        yield guarded(device, tmp_path, child)
        child.close()

    def test_a_good_lowering_passes(self, real: Guard, negate: GpuLowering) -> None:
        assert real.passes(OP, CALL, negate)

    def test_a_build_that_fails(self, real: Guard, negate: GpuLowering) -> None:
        broken = GpuLowering((replace(negate.steps[0], source="this is no OpenCL C"),))
        assert not real.passes(OP, CALL, broken)
        assert real.verdicts.failed(broken)
        assert real.passes(OP, CALL, negate)

    def test_fma_of_float16_does_not_end_us(self, real: Guard, negate: GpuLowering) -> None:
        """PoCL 3.0 ends its process at this ("LLVM ERROR: Cannot select"); elsewhere it is just not a negation."""
        deadly = """__kernel void unary(__global float16 *x, int x_at, __global float16 *y, int y_at, int n)
                    { y[0] = fma(x[0], x[1], x[2]); }"""
        bad = GpuLowering((replace(negate.steps[0], source=deadly, numbers=(1,)),))
        assert not real.passes(OP, CALL, bad)
        assert real.verdicts.failed(bad)
        assert real.passes(OP, CALL, negate)
