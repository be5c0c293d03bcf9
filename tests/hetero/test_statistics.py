"""Statistics: time is booked to the right cause, by a clock that the test holds."""

from __future__ import annotations

import random

import pytest

from hetero.statistics import LATEST, Execution, Recorder


def test_nothing_yet() -> None:
    statistics = Recorder({"cpu": 1}).statistics()
    assert (statistics.frames, statistics.fps, statistics.latency_p99, statistics.bytes_moved) == (0, 0, 0, 0)
    assert statistics.idle == {"cpu": {"no-frame": 0, "dependency": 0}}


def test_one_frame_through_two_devices() -> None:
    recorder = Recorder({"cpu": 1, "gpu": 1})
    recorder.admit(10.0, 11.0, ["cpu", "gpu"])
    recorder.worked(Execution("cpu", 0, 0, 11.0, 14.0))
    recorder.worked(Execution("gpu", 0, 1, 15.0, 19.0))
    recorder.finish(10.0, 20.0)
    statistics = recorder.statistics(bytes_moved=300)
    assert statistics.frames == 1
    assert statistics.seconds == 10
    assert statistics.fps == pytest.approx(0.1)
    assert statistics.latency_p50 == statistics.latency_p99 == 10
    assert statistics.busy == pytest.approx({"cpu": 0.3, "gpu": 0.4})
    assert statistics.idle["cpu"] == pytest.approx({"no-frame": 0.7, "dependency": 0.0})
    assert statistics.idle["gpu"] == pytest.approx({"no-frame": 0.2, "dependency": 0.4})
    assert statistics.bytes_moved == 300


def test_a_frame_for_the_other_device_is_no_dependency() -> None:
    recorder = Recorder({"cpu": 1, "gpu": 1})
    recorder.admit(0.0, 0.0, ["gpu", "gpu"])
    recorder.worked(Execution("gpu", 0, 0, 0.0, 4.0))
    assert recorder.statistics().idle["cpu"] == {"no-frame": 1.0, "dependency": 0.0}


def test_what_fails_or_is_dropped_leaves_no_work() -> None:
    recorder = Recorder({"cpu": 1, "gpu": 1})
    recorder.admit(0.0, 0.0, ["cpu", "gpu", "gpu"])
    recorder.admit(0.0, 0.0, ["cpu", "gpu", "gpu"])
    recorder.worked(Execution("cpu", 0, 0, 0.0, 2.0))
    recorder.fail(0.0, 2.0, ["gpu", "gpu"])
    recorder.drop(0.0, 4.0, ["cpu", "gpu", "gpu"])
    recorder.drop(8.0, 8.0)
    statistics = recorder.statistics()
    assert (statistics.frames, statistics.failed, statistics.dropped) == (0, 1, 2)
    assert statistics.busy == {"cpu": 0.25, "gpu": 0.0}
    assert statistics.idle == {
        "cpu": {"no-frame": 0.5, "dependency": 0.25},
        "gpu": {"no-frame": 0.5, "dependency": 0.5},
    }


def test_late_reports_never_count_twice() -> None:
    recorder = Recorder({"cpu": 1})
    recorder.admit(0.0, 0.0, ["cpu", "cpu"])
    recorder.worked(Execution("cpu", 0, 0, 1.0, 5.0))
    recorder.admit(2.0, 3.0, ["cpu", "cpu"])  # told after the stage, though it was before its end
    recorder.worked(Execution("cpu", 0, 1, 5.0, 6.0))
    recorder.finish(0.0, 6.0)
    statistics = recorder.statistics()
    assert statistics.busy["cpu"] + sum(statistics.idle["cpu"].values()) == pytest.approx(1)


def test_percentiles_are_nearest_rank() -> None:
    recorder = Recorder({"cpu": 1})
    for latency in random.Random(0).sample(range(1, 101), 100):
        recorder.admit(0.0, 0.0, ["cpu"])
        recorder.finish(0.0, float(latency), ["cpu"])
    statistics = recorder.statistics()
    assert (statistics.latency_p50, statistics.latency_p95, statistics.latency_p99) == (50, 95, 99)


def test_memory_is_bounded_and_sums_are_not() -> None:
    recorder = Recorder({"cpu": 1})
    for frame in range(LATEST + 100):
        recorder.admit(frame, frame, ["cpu"])
        recorder.worked(Execution("cpu", frame, 0, frame, frame + 0.5))
        recorder.finish(frame, frame + 0.5)
    assert len(recorder.executions()) == LATEST
    statistics = recorder.statistics()
    assert statistics.frames == LATEST + 100
    assert statistics.busy["cpu"] == pytest.approx(0.5, rel=1e-3)


def test_a_device_of_two_streams_is_busy_by_halves() -> None:
    recorder = Recorder({"cpu": 2})
    recorder.admit(0.0, 0.0, ["cpu"])
    recorder.admit(0.0, 2.0, ["cpu"])  # from 2 to 6 there is work for both, of which the second does none until 4
    recorder.worked(Execution("cpu", 1, 0, 4.0, 8.0))
    recorder.worked(Execution("cpu", 0, 0, 0.0, 6.0))  # what is told late counts all the same
    statistics = recorder.statistics()
    assert statistics.busy == pytest.approx({"cpu": 10 / 16})
    assert statistics.idle["cpu"] == pytest.approx({"dependency": 2 / 16, "no-frame": 4 / 16})
