"""Session: its ways to be called, sizes left open, and what it says to bad input."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

import hetero
from hetero import Session
from tests.models import model

node = helper.make_node


def adder() -> Any:
    """A + b -> y, a * b -> z; the first dimension is open."""
    return model(
        [node("Add", ["a", "b"], ["y"], name="add"), node("Mul", ["a", "b"], ["z"], name="mul")],
        {"a": ("n", 3), "b": ("n", 3)}, ["y", "z"],
    )  # fmt: skip


def relu() -> Any:
    """One input of a fixed shape."""
    return model([node("Relu", ["x"], ["y"], name="relu")], {"x": (2, 3)}, ["y"])


def ones(*shape: int) -> np.ndarray[Any, Any]:
    return np.ones(shape, np.float32)


def test_called_with_an_array_or_a_dict() -> None:
    x = np.array([[-1, 2, 3], [4, -5, 6]], np.float32)
    with Session(relu(), "cpu") as session:
        np.testing.assert_array_equal(session(x)["y"], np.maximum(x, 0))
        np.testing.assert_array_equal(session({"x": x})["y"], np.maximum(x, 0))


def test_written_run_and_read() -> None:
    with Session(adder(), "cpu") as session:
        session.input(0).write(ones(2, 3))
        session.input(1).write(2 * ones(2, 3))
        session.run()
        np.testing.assert_array_equal(session.output(0).read(), 3 * ones(2, 3))
        np.testing.assert_array_equal(session.output(1).read(), 2 * ones(2, 3))


def test_reading_before_running_is_refused() -> None:
    with (
        Session(relu(), "cpu") as session,
        pytest.raises(RuntimeError, match=r"'y' is not there yet.*run\(\)"),
    ):
        session.output(0).read()


def test_ports_say_what_is_open() -> None:
    with Session(adder(), "cpu") as session:
        assert [(p.name, p.shape, p.dtype) for p in session.inputs] == [
            ("a", ("n", 3), np.float32), ("b", ("n", 3), np.float32),
        ]  # fmt: skip
        assert [p.name for p in session.outputs] == ["y", "z"]


def test_every_frame_may_settle_open_sizes_anew() -> None:
    with Session(adder(), "cpu") as session:
        for n in (1, 4, 2, 4):
            assert session({"a": ones(n, 3), "b": ones(n, 3)})["y"].shape == (n, 3)


def test_outputs_are_the_callers_own() -> None:
    """A result must not change when the next frame runs."""
    with Session(relu(), "cpu") as session:
        first = session(ones(2, 3))["y"]
        session(5 * ones(2, 3))
        np.testing.assert_array_equal(first, ones(2, 3))


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        (ones(3, 2), "'x' has shape 3x2, but the model expects 2x3"),
        (ones(2, 3).astype(np.float64), r"dtype float64.*expects float32.*astype\(np.float32\)"),
        ({"w": ones(2, 3)}, "missing: x; unknown: w"),
    ],
)
def test_inputs_that_do_not_fit(feeds: Any, message: str) -> None:
    with Session(relu(), "cpu") as session, pytest.raises(ValueError, match=message):
        session(feeds)


def test_one_name_means_one_size() -> None:
    with Session(adder(), "cpu") as session, pytest.raises(ValueError, match="'b' has shape 3x3"):
        session({"a": ones(2, 3), "b": ones(3, 3)})


def test_two_inputs_need_names() -> None:
    with Session(adder(), "cpu") as session, pytest.raises(ValueError, match=r"2 inputs .a, b.: give a dict"):
        session(ones(2, 3))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"device": "tpu"}, "unknown device 'tpu'; expected auto, cpu, gpu"),
        ({"device": "gpu:99"}, "'gpu:99'"),
        ({"strategy": "gpu-frist"}, "unknown strategy 'gpu-frist'.*did you mean 'gpu-first'"),
        ({"threads": 0}, "threads=0"),
        ({"streams": 0}, "streams=0"),
        ({"threads": 2, "streams": 3}, "3 streams of CPU frames need as many threads, and there are 2"),
        ({"strategy": "interleave"}, "strategy 'interleave' needs a GPU"),
    ],
)
def test_requests_that_cannot_be_met(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Session(relu(), **({"device": "cpu"} | words))


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07\x12\xff\xff"])
def test_files_that_are_no_models(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"net\.onnx"):
        Session(path, "cpu")


def test_a_truncated_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(relu().SerializeToString()[:-9])
    with pytest.raises(ValueError, match=r"net\.onnx"):
        Session(path, "cpu")


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such model file"):
        Session(tmp_path / "nothing.onnx", "cpu")


def test_a_saved_plan_is_obeyed_and_a_strangers_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    with Session(relu(), "cpu", strategy="cpu") as session:
        session.plan.save(path)
        want = session(ones(2, 3))["y"]
    with Session(relu(), plan=path) as session:
        assert session.plan.strategy == "cpu"
        np.testing.assert_array_equal(session(ones(2, 3))["y"], want)
    with pytest.raises(ValueError, match="does not fit"), Session(adder(), plan=path) as session:
        session({"a": ones(1, 3), "b": ones(1, 3)})


def test_profile_names_every_operator() -> None:
    with Session(adder(), "cpu") as session:
        records = session.profile()
    assert [(r.operator, r.op, r.device, r.kernel) for r in records] == [
        ("add", "Add", "cpu", "numba"), ("mul", "Mul", "cpu", "numba"),
    ]  # fmt: skip
    assert all(r.flops == 3 for r in records)
    # of two so short a run as a whole may leave one nothing, as `by_node` says
    assert min(r.seconds for r in records) >= 0 < sum(r.seconds for r in records)


def test_threads_may_share_a_session_and_sessions_a_pool() -> None:
    """Eight threads on two sessions of two threads each; every result is its own frame's."""
    sessions = [Session(relu(), "cpu", threads=2) for _ in range(2)]
    wrong: list[int] = []

    def work(k: int) -> None:
        for i in range(50):
            value = float(100 * k + i + 1)
            if (sessions[k % 2](value * ones(2, 3))["y"] != value).any():
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_devices_begin_with_the_cpu() -> None:
    first, *others = hetero.devices()
    assert (first.kind, first.emulated) == ("cpu", False)
    assert first.compute_units >= 1
    assert all(device.kind == "gpu" for device in others)
    assert (hetero.no_gpu_reason() is None) == bool(others)
