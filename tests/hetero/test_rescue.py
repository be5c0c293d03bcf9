"""Frames that a driver fails come from the CPU; what is no driver's failure stays an error."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Container
from functools import partial
from typing import Any

import numpy as np
import pytest

from engine.devices import entry, lane
from engine.devices.command import Called, Command
from engine.devices.device import DriverError
from engine.devices.discover import opencl_devices
from engine.devices.native import Native
from engine.devices.recording import OpenClRecording
from hetero import Session, Stream
from hetero.memory.shared import OwnershipError
from tests.hetero import branches
from tests.hetero.ways import alternate

pytestmark = pytest.mark.skipif(not opencl_devices(), reason="no OpenCL device")

FRAMES = 12
FAILING = {7, 8, 50}  # calls, of which each may fail a frame


@pytest.fixture(params=["gpu", "both"])
def session(request: pytest.FixtureRequest) -> Session:
    whole = Session(branches.build(), "gpu", threads=1)
    if request.param == "gpu":
        return whole
    return Session(branches.build(), "cpu+gpu", plan=alternate(whole.plan, run=1))


@pytest.fixture(scope="module")
def cpu() -> list[bytes]:
    """What the CPU gives."""
    with Session(branches.build(), "cpu", threads=1) as made:
        return [made(frame)["y"].tobytes() for frame in branches.frames(FRAMES)]


class Trouble:
    """A method that raises in some of its calls, counted from when it is armed."""

    def __init__(self, work: Callable[..., Any], error: Exception, calls: Container[int]) -> None:
        self.armed = False
        self._work, self._error, self._calls = work, error, calls
        self._count = itertools.count()

    def method(self) -> Callable[..., Any]:
        """What to put in the method's place."""

        def sometimes(*words: Any, **more: Any) -> Any:
            if self.armed and next(self._count) in self._calls:
                raise self._error
            return self._work(*words, **more)

        return sometimes


def trouble(patch: pytest.MonkeyPatch, owner: type, method: str, error: Exception, calls: Container[int]) -> Trouble:
    made = Trouble(getattr(owner, method), error, calls)
    patch.setattr(owner, method, made.method())
    return made


def opencl_error() -> Exception:
    import pyopencl as cl

    return cl.RuntimeError("clWaitForEvents failed: OUT_OF_RESOURCES")


@pytest.mark.parametrize("checked", [False, True], ids=["commands", "checked"])
@pytest.mark.parametrize(
    ("staged", "ahead"), [(False, 0), (True, 0), (True, 2)], ids=["mapped", "staged", "staged, frames ahead"]
)
@pytest.mark.parametrize(
    "failing",
    [(entry.launch,), (entry.finish,), (entry.copy, entry.map_buffer, entry.unmap_buffer)],
    ids=["launching", "waiting", "handing over"],
)
def test_no_frame_is_lost(
    failing: tuple[Native, ...],
    staged: bool,
    ahead: int,
    checked: bool,
    session: Session,
    cpu: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whichever command fails, the frame comes from the CPU, and only that one."""
    device = opencl_devices()[0]
    monkeypatch.setattr(device, "unified_memory", not staged)
    monkeypatch.setattr(device, "ahead", ahead)
    monkeypatch.setattr(device, "_lanes", {})
    given = branches.frames(FRAMES)
    plain = session.deploy(session.shapes({}), 1)
    want = [plain.infer(session.feeds(frame))["y"].tobytes() for frame in given]
    driver = Trouble(Command.run, opencl_error(), FAILING)

    def command(native: Native, *words: Any) -> Command:
        made = Command(native, *words)
        return Called(partial(driver.method(), made)) if native in failing else made

    monkeypatch.setattr(lane, "Command", command)
    monkeypatch.setattr(device, "_lanes", {})
    session._debug = checked
    with Stream(session, depth=2) as stream:
        driver.armed = True
        results = [stream.submit(frame).result(60) for frame in given]
        statistics = stream.statistics()
    found = [result.outputs["y"].tobytes() for result in results]
    rescued = [i for i in range(FRAMES) if found[i] != want[i]]
    assert all(found[i] == cpu[i] for i in rescued)
    assert (statistics.frames, statistics.failed) == (FRAMES, 0)
    assert 0 < statistics.rescued <= len(FAILING)
    assert len(rescued) <= statistics.rescued


def test_a_real_refusal(session: Session, cpu: list[bytes], caplog: pytest.LogCaptureFixture) -> None:
    """The driver is asked for work-groups of a size that it cannot have."""
    deployment = session.deployed(branches.frames(1)[0])
    stage = next(stage for stage in deployment.variants[0] if stage.device == "gpu")
    with stage.alone(deployment.slots[0]) as recording:
        inner: Any = recording
        inner._recording._groups[:] = 1 << 20
    with caplog.at_level(logging.WARNING, "hetero"):
        found = [session(frame)["y"].tobytes() for frame in branches.frames(FRAMES)]
    assert found == cpu
    assert deployment.rescued == FRAMES
    (said,) = caplog.messages
    assert "enqueueing kernel" in said


def test_without_a_spare_the_frame_fails(session: Session) -> None:
    deployment = session.deployed(branches.frames(1)[0])
    deployment._rescue._make = None
    feeds = session.feeds(branches.frames(1)[0])
    want = deployment.infer(feeds)
    with pytest.MonkeyPatch.context() as patch:
        trouble(patch, OpenClRecording, "start", DriverError("gone"), range(1)).armed = True
        with pytest.raises(DriverError, match="gone"):
            deployment.infer(feeds)
    again = deployment.infer(feeds)
    assert all(np.array_equal(again[name], value) for name, value in want.items())


@pytest.mark.parametrize("error", [OwnershipError("out of turn"), ZeroDivisionError("a bug")])
def test_other_errors_are_the_callers(error: Exception, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    with Stream(session, depth=2) as stream:
        trouble(monkeypatch, OpenClRecording, "start", error, range(1)).armed = True
        with pytest.raises(type(error), match=str(error)):
            stream.submit(branches.frames(1)[0]).result(60)
        assert stream.submit(branches.frames(1)[0]).result(60).outputs
        assert stream.statistics().rescued == 0
