"""Stream: bit for bit what frame by frame gives, at every depth and on every plan."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from hetero import Session, Stream, zoo
from tests.hetero.ways import GPU, alternate
from tests.models import model

Array = np.ndarray[Any, Any]
ROOT = Path(__file__).parents[2]
PLANS = ["cpu", "streams", *(["gpu", "dealt", "dealt to streams", "both"] if GPU else [])]


@pytest.fixture(scope="module")
def sessions() -> dict[str, Session]:
    """SqueezeNet under several plans: one device, frames dealt to both 2 : 1, and handed back and forth."""
    network = zoo.build("squeezenet")
    made = {"cpu": Session(network, "cpu", threads=1), "streams": Session(network, "cpu", threads=4, streams=2)}
    if GPU:
        made["gpu"] = Session(network, "gpu", threads=1)
        whole = made["gpu"].plan
        cpu = dict.fromkeys(whole.placements[0], "cpu")
        dealt = replace(whole, placements=(cpu, whole.placements[0]), schedule=(0, 1, 0))
        made["dealt"] = Session(network, "cpu+gpu", plan=dealt)
        made["dealt to streams"] = Session(network, "cpu+gpu", plan=replace(dealt, threads=2, streams=2))
        made["both"] = Session(network, "cpu+gpu", plan=alternate(whole))
    return made


def frames(count: int) -> list[Array]:
    random = np.random.default_rng(3)
    return [random.standard_normal((1, 3, 224, 224), np.float32) for _ in range(count)]


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
@pytest.mark.parametrize("plan", PLANS)
def test_bit_identical_to_frame_by_frame(plan: str, depth: int, sessions: dict[str, Session]) -> None:
    session = sessions[plan]
    given = frames(12)
    deployment = session.deploy(session.shapes({}), 1)
    want = [deployment.infer(session.feeds(frame), i) for i, frame in enumerate(given)]
    with Stream(session, depth=depth) as stream:
        results = list(stream.map(given))
    assert [result.index for result in results] == list(range(12))
    for result, outputs in zip(results, want, strict=True):
        for name, value in outputs.items():
            assert result.outputs[name].tobytes() == value.tobytes()


def test_frames_are_pulled_as_there_is_room(sessions: dict[str, Session]) -> None:
    pulled = 0

    def source() -> Iterator[Array]:
        nonlocal pulled
        for frame in frames(2) * 10:
            pulled += 1
            yield frame

    with Stream(sessions["cpu"], depth=2) as stream:
        results = stream.map(source())
        for done, _ in enumerate(results, 1):
            assert pulled <= done + 4
    assert pulled == 20


def test_futures_and_statistics(sessions: dict[str, Session]) -> None:
    given = frames(5)
    with Stream(sessions["cpu"], depth=2) as stream:
        assert stream.statistics().frames == 0
        futures = [stream.submit(frame) for frame in given]
        results = [future.result(60) for future in futures]
        statistics = stream.statistics()
    assert [result.index for result in results] == list(range(5))
    assert statistics.frames == 5
    assert statistics.fps > 0
    assert 0 < statistics.latency_p50 <= statistics.latency_p95 <= statistics.latency_p99
    assert 0.5 < statistics.busy["cpu"] <= 1.0
    assert statistics.bytes_moved == 0


@pytest.mark.parametrize("policy", ["drop-oldest", "drop-newest"])
def test_a_full_stream_drops(policy: Any, sessions: dict[str, Session]) -> None:
    with Stream(sessions["cpu"], depth=2, on_full=policy) as stream:
        indices = [result.index for result in stream.map(frames(30))]
        statistics = stream.statistics()
    assert indices == sorted(indices)
    assert 0 < len(indices) < 30
    assert statistics.dropped == 30 - len(indices)


def test_a_bad_frame_fails_in_its_place(sessions: dict[str, Session]) -> None:
    good = frames(3)
    with Stream(sessions["cpu"]) as stream:
        results = stream.map([*good, np.zeros((1, 3, 9, 9), np.float32)])
        assert [next(results).index for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="1x3x9x9"):
            next(results)
        assert stream.submit(good[0]).result(60).outputs  # the stream goes on


def test_no_frames_no_results(sessions: dict[str, Session]) -> None:
    with Stream(sessions["cpu"]) as stream:
        assert list(stream.map([])) == []


LEAVING = """
import numpy as np
from hetero import Stream, zoo
stream = Stream(zoo.build("squeezenet"), "cpu", threads=1)
frame = np.zeros((1, 3, 224, 224), np.float32)
frames = [stream.submit(frame) for _ in range(40)]
frames[0].result()
raise SystemExit(7)
"""


@pytest.mark.parametrize("debug", ["0", "1"])
def test_a_program_may_end_with_frames_in_flight(debug: str) -> None:
    for _ in range(3):
        left = subprocess.run(
            [sys.executable, "-c", LEAVING], env=os.environ | {"HETERO_DEBUG": debug}, cwd=ROOT, timeout=120
        )
        assert left.returncode == 7


def test_no_worker_stays_behind(sessions: dict[str, Session]) -> None:
    before = set(threading.enumerate())
    with Stream(sessions[PLANS[-1]]) as stream:
        next(stream.map(frames(4)))
    # The CPU's pool belongs to the device and stays; workers belong to the stream and go.
    left = {t.name for t in set(threading.enumerate()) - before}
    assert {name for name in left if not name.startswith("hetero-cpu-")} == set()


@pytest.mark.parametrize(
    ("words", "message"), [({"depth": 0}, "depth=0"), ({"on_full": "explode"}, "on_full='explode'")]
)
def test_words_that_mean_nothing(words: dict[str, Any], message: str, sessions: dict[str, Session]) -> None:
    with pytest.raises(ValueError, match=message):
        Stream(sessions["cpu"], **words)


@pytest.mark.skipif(not GPU, reason="no OpenCL device")
@pytest.mark.parametrize("plan", ["gpu", "dealt", "both"])
def test_shared_memory_is_not_copied(plan: str, sessions: dict[str, Session]) -> None:
    """On a unified device both see one memory: by pointer, and by bytes moved."""
    session = sessions[plan]
    deployment = session.deploy(session.shapes({}), 2)
    gpu = deployment.devices["gpu"]
    if not gpu.unified_memory:
        pytest.skip(f"{gpu.name} has memory of its own")
    with Stream(session, depth=2) as stream:
        assert len(list(stream.map(frames(4)))) == 4
        assert stream.statistics().bytes_moved == 0
    deployment.infer(session.feeds(frames(1)[0]), 1)
    for slot in deployment.slots:
        assert slot.shared
        assert all(shared.zero_copy for shared in slot.shared.values())


@pytest.mark.parametrize("plan", PLANS)
def test_batches_give_what_single_frames_give(plan: str, sessions: dict[str, Session]) -> None:
    given = frames(7)
    single = sessions[plan]
    with Session(zoo.build("squeezenet"), "cpu+gpu" if GPU else "cpu", plan=replace(single.plan, batch=3)) as session:
        assert "frames run 3 at once" in session.plan.explain()
        with Stream(session) as stream:
            results = list(stream.map(given))
            assert stream.statistics().frames == 7
        results.append(stream_alone := next(iter(Stream(session).map(given[:1]))))
        assert stream_alone.index == 0
    with Stream(single) as stream:
        wanted = list(stream.map(given))
    for result, want in zip(results, [*wanted, wanted[0]], strict=True):
        for name, value in want.outputs.items():
            np.testing.assert_allclose(result.outputs[name], value, rtol=0, atol=1e-4 * np.abs(value).max())


def test_a_model_that_fixes_its_batch_is_refused() -> None:
    fixed = model(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        {"x": (1, 2, 3)},
        ["y"],
        {"shape": np.array([1, 6], np.int64)},
    )
    with pytest.raises(ValueError, match=r"cannot run 4 frames at once: .* export the network with an open batch size"):
        Session(fixed, "cpu", batch=4)
    joined = model(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])],
        {"x": (1, 2, 3)},
        ["y"],
        {"shape": np.array([1, -1], np.int64)},
    )
    with pytest.raises(ValueError, match=r"output 'y' of one has shape \(1, 6\), that of 4 \(1, 24\); use batch=1"):
        Session(joined, "cpu", batch=4)
    with pytest.raises(ValueError, match="batch=0; expected a whole number of frames from 1 up"):
        Session(joined, "cpu", batch=0)
