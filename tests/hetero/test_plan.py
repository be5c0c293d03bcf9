"""Plans survive JSON, and say what is wrong with a file or a model that does not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hetero.plan import Plan, PlanError

MODEL = "ab" * 32
PLAN = Plan(
    name="two",
    strategy="interleave",
    model=MODEL,
    devices={"cpu": "EPYC", "gpu": "PoCL"},
    threads=1,
    placements=({"conv": "cpu", "pool": "cpu"}, {"conv": "gpu", "pool": "cpu"}),
    schedule=(0, 1, 1),
    predicted=0.0125,
    bound=0.01,
    measured=0.015,
    depth=5,
    costs={"conv": {"cpu": 0.02, "gpu": 0.005}, "pool": {"cpu": 0.001}},
    prices={"conv": {"cpu": 0.0031, "gpu": -0.0002}, "pool": {}},
)


def test_json_both_ways() -> None:
    assert Plan.from_json(PLAN.to_json()) == PLAN
    bare = replace(PLAN, threads=None, predicted=None, bound=None, measured=None, depth=None, costs={}, prices={})
    assert Plan.from_json(bare.to_json()) == bare


def test_file_both_ways(tmp_path: Path) -> None:
    PLAN.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == PLAN
    assert json.loads((tmp_path / "plan.json").read_text())["placements"][1]["conv"] == "gpu"


def test_a_plan_is_a_copy() -> None:
    placement = {"conv": "cpu"}
    plan = replace(PLAN, placements=(placement,), schedule=(0,))
    placement["conv"] = "gpu"
    assert plan.placements[0]["conv"] == "cpu"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "found list"),
        ("{}", "plan version None, this program reads version 3"),
        ('{"version": 1}', "plan version 1"),
        (
            '{"version": 3, "name": "x", "color": 1}',
            "missing: 'batch', 'bound', 'costs' and 11 more.*'color'",
        ),
    ],
)
def test_texts_that_are_no_plan(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        Plan.from_json(text)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", 3, "name must be text, found 3"),
        ("threads", 1.5, "threads must be"),
        ("threads", True, "threads must be"),
        ("streams", "all", "streams must be"),
        ("streams", 0, "has streams 0, expected 1 or more"),
        ("batch", 0, "has batch 0, expected 1 or more"),
        ("placements", [["conv"]], "placements must be"),
        ("placements", [], "no placement"),
        ("placements", [{"conv": "tpu"}], "'conv' on the unknown device 'tpu'; its devices: cpu, gpu"),
        ("placements", [{"conv": "cpu"}, {"pool": "cpu"}], "placements 0 and 1 differ in 'conv', 'pool'"),
        ("schedule", [], "empty schedule"),
        ("schedule", [0, 2], "placement 2 of 2"),
        ("schedule", [-1], "placement -1"),
        ("schedule", ["0"], "schedule must be"),
        ("predicted", -1, "predicted must be seconds or null"),
        ("predicted", float("nan"), "predicted must be"),
        ("bound", "fast", "bound must be"),
        ("costs", {"conv": 1.0}, "costs must be"),
        ("measured", "slow", "measured must be seconds or null"),
        ("depth", 0, "has 0 frames in flight"),
        ("depth", 2.5, "depth must be a whole number or null"),
        ("prices", {"conv": {"cpu": "dear"}}, "prices must be"),
    ],
)
def test_wrong_values_are_named(key: str, value: Any, message: str) -> None:
    data = {**json.loads(PLAN.to_json()), key: value}
    with pytest.raises(PlanError, match=message):
        Plan.from_json(json.dumps(data))


def test_load_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("nonsense")
    with pytest.raises(PlanError, match=r"broken\.json: not a plan"):
        Plan.load(tmp_path / "broken.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PlanError, match=r"binary\.json"):
        Plan.load(tmp_path / "binary.json")


def test_check() -> None:
    PLAN.check(["conv", "pool"], ["cpu", "gpu"], MODEL)
    with pytest.raises(PlanError, match="does not place 'lrn'"):
        PLAN.check(["conv", "lrn", "pool"], ["cpu", "gpu"], MODEL)
    with pytest.raises(PlanError, match="places 'pool', which the model does not have"):
        PLAN.check(["conv"], ["cpu", "gpu"], MODEL)
    with pytest.raises(PlanError, match=f"model {MODEL}, this is {'cd' * 32}"):
        PLAN.check(["conv", "pool"], ["cpu", "gpu"], "cd" * 32)
    with pytest.raises(PlanError, match="needs 'gpu', this machine has 'cpu'"):
        PLAN.check(["conv", "pool"], ["cpu"], MODEL)


def test_check_asks_only_for_devices_in_use() -> None:
    replace(PLAN, placements=PLAN.placements[:1], schedule=(0,)).check(["conv", "pool"], ["cpu"], MODEL)


def test_explain() -> None:
    text = PLAN.explain()
    assert "predicted: 12.500 ms a frame, no plan below 10.000 ms (gap 25.0%)" in text
    assert "measured: 15.000 ms a frame (+20.0% of the prediction)" in text
    assert "frames in flight: 5" in text
    assert "placement 1, 2 of every 3 frames: 1 on cpu, 1 on gpu" in text
    assert [line.split() for line in text.splitlines()[-2:]] == [
        ["conv", "cpu", "gpu", "20.000", "ms", "5.000", "ms", "+3.100", "ms", "-0.200", "ms"],
        ["pool", "cpu", "cpu", "1.000", "ms", "-", "-", "-"],
    ]
    assert "moved to" not in replace(PLAN, prices={}).explain()


def test_rounds_are_whole() -> None:
    dealt = replace(PLAN, schedule=(0,) * 3, batch=2)
    assert [dealt.rounds(frames) for frames in (1, 6, 7)] == [6, 6, 12]


def test_gap_and_slots() -> None:
    assert PLAN.gap == pytest.approx(0.25)
    assert replace(PLAN, bound=None).gap is None
    assert PLAN.slots == 5
    assert replace(PLAN, depth=None).slots == 4
    assert replace(PLAN, depth=None, streams=14).slots == 17
