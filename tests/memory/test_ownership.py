"""Memory of the other side is not touched: plans that are run out of turn are caught, in debug mode alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.devices.discover import opencl_devices
from hetero import Session
from hetero.deployment import Deployment
from hetero.memory.guarded import GuardedRecording
from hetero.memory.shared import OwnershipError
from hetero.stage import BoundStage
from tests.hetero import branches
from tests.hetero.ways import alternate

pytestmark = pytest.mark.skipif(not opencl_devices(), reason="no OpenCL device")


@pytest.fixture(scope="module")
def session() -> Session:
    """Every other operator on the other device."""
    with Session(branches.build(), "gpu", threads=1) as whole:
        return Session(branches.build(), "cpu+gpu", plan=alternate(whole.plan, run=1))


@pytest.fixture(params=[False, True], ids=["mapped", "staged"])
def deployment(session: Session, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setattr(opencl_devices()[0], "unified_memory", not request.param)
    return session.deploy(session.shapes({}), 1)


def loaded(deployment: Deployment) -> Any:
    (slot,) = deployment.slots
    deployment.load(slot, {"x": branches.frames(1)[0]}, 0)
    return slot


def first(deployment: Deployment, device: str) -> BoundStage:
    return next(stage for stage in deployment.variants[0] if stage.device == device)


def test_in_turn_all_is_well(session: Session, deployment: Deployment) -> None:
    slot = loaded(deployment)
    deployment.run(slot, 0)
    found = deployment.unload(slot)
    want = session(branches.frames(1)[0])
    assert {name: value.tobytes() for name, value in found.items()} == {n: v.tobytes() for n, v in want.items()}


def test_a_stage_that_runs_before_its_turn(deployment: Deployment) -> None:
    slot = loaded(deployment)
    late = deployment.variants[0][-1]
    with pytest.raises(OwnershipError, match=r"\w+: shared memory was touched by the \w+ while the \w+ owns it"):
        late.run(slot)


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_a_stage_that_runs_on_an_empty_slot(deployment: Deployment, device: str) -> None:
    """Nothing was handed to the GPU yet; and what a frame has left there is not the CPU's."""
    (slot,) = deployment.slots
    if device == "cpu":
        for shared in slot.shared.values():
            shared.hand("device", wanted=False)
    with pytest.raises(OwnershipError):
        first(deployment, device).run(slot)


def test_a_hand_over_that_nobody_waited_for(deployment: Deployment) -> None:
    slot = loaded(deployment)
    stage = deployment.variants[0][0]
    if stage.device == "cpu":
        stage.run(slot)
        stage = deployment.variants[0][1]
    with pytest.raises(OwnershipError, match="before it waited for the hand-over"):
        stage._recordings[id(slot)].start()


def test_a_caller_that_reads_what_the_gpu_writes(deployment: Deployment) -> None:
    slot = loaded(deployment)
    away = next(name for name, shared in slot.shared.items() if shared.owner == "device")
    with pytest.raises(OwnershipError, match="by the host while the device owns it"):
        slot.host(away, 4)


def test_the_next_frame_finds_the_slot_in_order(session: Session, deployment: Deployment) -> None:
    """A frame that stopped half way leaves memory with the device; loading takes it back."""
    frame = branches.frames(1)[0]
    want = session(frame)
    for stages in range(len(deployment.variants[0])):
        slot = loaded(deployment)
        for stage in deployment.variants[0][:stages]:
            stage.run(slot)
        deployment.load(slot, {"x": frame}, 0)
        deployment.run(slot, 0)
        for name, value in deployment.unload(slot).items():
            assert value.tobytes() == want[name].tobytes()


def test_a_stage_alone_has_its_memory_lent(deployment: Deployment) -> None:
    (slot,) = deployment.slots
    for stage in deployment.variants[0]:
        with stage.alone(slot) as recording:
            recording.start()
            recording.wait()
            assert len(recording.profile()) == len(stage.program.steps)
    assert all(shared.owner == "host" for shared in slot.shared.values())


@pytest.mark.parametrize(("word", "guarded"), [("", False), ("0", False), ("1", True)])
def test_the_switch(session: Session, word: str, guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HETERO_DEBUG", word)
    for wanted in (None, False, True):
        made = Deployment(session.decisions.decided(session.shapes({})), 1, wanted)
        (slot,) = made.slots
        kinds = {type(stage._recordings[id(slot)]) is GuardedRecording for stage in made.variants[0]}
        assert kinds == {guarded if wanted is None else wanted}


def test_a_session_says_so_too() -> None:
    frame = np.zeros(branches.SHAPE, np.float32)
    for debug in (False, True):
        with Session(branches.build(), "gpu", threads=1, debug=debug) as made:
            (slot,) = made.deployed(frame).slots
            assert {shared._checked for shared in slot.shared.values()} == {debug}
