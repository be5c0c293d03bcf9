"""Waves: what may run together does, what needs the order keeps it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper

from engine.devices.discover import opencl_devices
from engine.reference import truth
from engine.waves import Range, waves
from hetero import Session
from tests.models import model

node = helper.make_node


def read(area: str, first: int = 0, length: int = 10) -> Range:
    return Range(area, first, length, length)


def written(area: str, first: int = 0, length: int = 10) -> Range:
    return Range(area, first, length, length, written=True)


def test_a_reader_follows_its_writer_and_branches_share_a_wave() -> None:
    ranges = [
        [read("x"), written("a")],
        [read("a"), written("b")],
        [read("a"), written("c")],
        [read("b"), read("c"), written("d")],
    ]
    assert waves(ranges, ["conv"] * 4) == [0, 1, 1, 2]
    assert waves(ranges, ["conv", "conv", "pool", "conv"]) == [0, 1, 2, 3]
    assert waves(ranges, [None] * 4) == [0, 1, 2, 3]


def test_a_step_moves_in_front_of_what_it_does_not_need() -> None:
    ranges = [[read("x"), written("a")], [read("a"), written("b")], [read("x"), written("c")]]
    assert waves(ranges, ["conv"] * 3) == [0, 1, 0]


def test_a_step_alone_moves_back_to_the_next_of_its_kind() -> None:
    """A branch of one convolution beside one of two: its own is as late as the second."""
    ranges = [
        [read("x"), written("a")],
        [read("x"), written("b")],
        [read("b"), written("c")],
        [read("a"), read("c"), written("d")],
    ]
    assert waves(ranges, ["wide", "narrow", "wide", "wide"]) == [1, 0, 1, 2]
    assert waves(ranges, ["wide", "narrow", "narrow", "wide"]) == [0, 1, 2, 3]
    used = [*ranges[:2], [read("a"), written("e")], *ranges[2:]]
    assert waves(used, ["wide", "narrow", "pool", "wide", "wide"]) == [0, 1, 2, 3, 4]


def test_memory_that_is_written_again_waits_for_its_readers() -> None:
    ranges = [[read("x"), written("a")], [read("a"), written("b")], [read("x"), written("a")]]
    assert waves(ranges, ["conv"] * 3) == [0, 1, 2]


def test_neighbours_in_one_area_do_not_wait_for_each_other() -> None:
    assert waves([[written("a", 0)], [written("a", 10)], [read("a", 5)]], ["conv"] * 3) == [0, 0, 1]


def test_slices_of_every_image_do_not_wait_for_each_other() -> None:
    """Two slices of a concatenation for three images: their extents overlap, their bytes do not."""
    slices = [Range("a", first, 10, 70, 30, written=True) for first in (0, 10)]
    assert waves([[slices[0]], [slices[1]]], ["conv"] * 2) == [0, 0]
    other = Range("a", 5, 10, 70, 30, written=True)
    assert waves([[slices[0]], [other]], ["conv"] * 2) == [0, 1]
    whole = Range("a", 0, 90, 90)
    assert waves([[slices[0]], [slices[1]], [whole]], ["conv"] * 3) == [0, 0, 1]


def branches(batch: int, random: np.random.Generator) -> onnx.ModelProto:
    """Three convolutions of one tensor, joined, and one that reads the join."""
    constants = {f"w{i}": random.standard_normal((16, 16, 1, 1)).astype("f") for i in range(3)}
    constants |= {"w": random.standard_normal((16, 3, 3, 3)).astype("f")}
    constants |= {"v": random.standard_normal((16, 48, 1, 1)).astype("f")}
    nodes = [node("Conv", ["x", "w"], ["a"]), *(node("Conv", ["a", f"w{i}"], [f"b{i}"]) for i in range(3))]
    nodes += [node("Concat", ["b0", "b1", "b2"], ["c"], axis=1), node("Conv", ["c", "v"], ["y"])]
    return model(nodes, {"x": (batch, 3, 9, 8)}, ["y"], constants)


def test_branches_are_one_launch_and_agree(monkeypatch: pytest.MonkeyPatch, random: np.random.Generator) -> None:
    if not opencl_devices():
        pytest.skip("no OpenCL device")
    device = opencl_devices()[0]
    monkeypatch.setattr(device, "target", replace(device.target, simt=True, local_memory=48 << 10))
    for batch in (1, 3):
        proto = branches(batch, random)
        frame = {"x": random.standard_normal((batch, 3, 9, 8)).astype("f")}
        with Session(proto, "gpu") as session:
            (stage,) = session.deploy(session.shapes({}), 1).variants[0]
            steps = [step for step in stage.program.steps if step.step.kernel == "implicit"]
            assert [step.wave for step in steps] == [0, 1, 1, 1, 2]
            got = session(frame)["y"]
        want = truth(proto, frame)["y"]
        assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()
