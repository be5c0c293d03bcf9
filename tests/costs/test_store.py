"""Store: costs and decisions are found again, and measured again when they are damaged or of something else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hetero.costs import store
from hetero.costs.costs import Costs
from hetero.partition.problem import Crossing
from hetero.plan import Plan

FOUND = Costs(
    {"conv": {"cpu": 0.002, "gpu": 0.001}, "odd": {"cpu": 0.001}},
    {"conv": {"cpu": 0.003, "gpu": 0.001}, "odd": {"cpu": 0.001}},
    {("cpu", "gpu"): Crossing(1e-4, 1e-10, ("gpu",)), ("gpu", "cpu"): Crossing(2e-5, 3e-10, ("cpu",))},
    caller=1.5e-4,
)
MODEL = "ab" * 32
PLAN = Plan("cpu", "cpu", MODEL, {"cpu": "Some CPU"}, 1, ({"conv": "cpu", "odd": "cpu"},), measured=0.004)


def graph(width: int = 8, names: tuple[str, ...] = ("conv", "odd")) -> Any:
    nodes = tuple(SimpleNamespace(name=name) for name in names)
    return SimpleNamespace(inputs=("x",), spec=lambda name: SimpleNamespace(shape=(1, width)), nodes=nodes)


def devices(driver: str = "1.0", **cpu: Any) -> Any:
    host = {"name": "Some CPU", "driver": "numba", "threads": 1, "streams": 1, **cpu}
    return {"cpu": SimpleNamespace(**host), "gpu": SimpleNamespace(name="Some GPU", driver=driver, streams=1)}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What was measured, on a machine where nothing is kept."""
    found: list[Any] = []

    def measure(graph: Any, devices: Any) -> Costs:
        found.append(devices)
        return FOUND

    monkeypatch.setenv("HETERO_COSTS", str(tmp_path))
    monkeypatch.setattr(store, "measure", measure)
    return found


def kept(tmp_path: Path) -> Path:
    (path,) = tmp_path.glob("*.json")
    return path


def test_costs_are_measured_once(asked: list[Any]) -> None:
    assert store.costs(graph(), MODEL, devices()) == store.costs(graph(), MODEL, devices()) == FOUND
    assert len(asked) == 1


def test_whatever_costs_depend_on_is_measured_by_itself(asked: list[Any]) -> None:
    others = [devices(), devices("1.1"), devices(threads=2), devices(streams=2), {"cpu": devices()["cpu"]}]
    for each in others:
        store.costs(graph(), MODEL, each)
    store.costs(graph(9), MODEL, devices())
    store.costs(graph(), "cd" * 32, devices())
    assert len(asked) == len(others) + 2


@pytest.mark.parametrize("damage", ["", "{}", "[]", "no JSON", "costs", "busy", "crossing", "version", "negative"])
def test_damaged_costs_are_measured_again(asked: list[Any], tmp_path: Path, damage: str) -> None:
    store.costs(graph(), MODEL, devices())
    path = kept(tmp_path)
    content = json.loads(path.read_text())
    if damage == "costs":
        content["costs"] = [1, 2]
    elif damage in ("busy", "crossing"):
        content["costs"][damage] = {"conv": 3}
    elif damage == "version":
        content["key"]["version"] = 0
    elif damage == "negative":
        content["costs"]["alone"]["conv"]["cpu"] = -1.0
    else:
        content = damage
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    assert store.costs(graph(), MODEL, devices()) == FOUND
    assert len(asked) == 2
    assert store.costs(graph(), MODEL, devices()) == FOUND
    assert len(asked) == 2


def test_costs_of_other_operators_are_measured_again(asked: list[Any]) -> None:
    store.costs(graph(), MODEL, devices())
    store.costs(graph(names=("conv", "new")), MODEL, devices())
    assert len(asked) == 2


def test_nothing_is_lost_where_nothing_can_be_kept(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HETERO_COSTS", str(tmp_path / "file"))
    assert store.costs(graph(), MODEL, devices()) == FOUND


def test_decisions_are_kept_until_the_model_is_forgotten(asked: list[Any], tmp_path: Path) -> None:
    known = {**store.key(graph(), MODEL, devices()), "asked": ["auto", 1]}
    other = {**known, "asked": ["auto", 2]}
    assert store.decision(known) is None
    store.keep_decision(known, PLAN)
    store.keep_decision(other, replace(PLAN, measured=0.003))
    store.costs(graph(), MODEL, devices())
    assert store.decision(known) == PLAN
    store.forget("cd" * 32)
    assert store.decision(known) == PLAN
    store.forget(MODEL)
    assert store.decision(known) is None
    assert not list(tmp_path.iterdir())


def test_a_damaged_decision_is_none(asked: list[Any], tmp_path: Path) -> None:
    known = store.key(graph(), MODEL, devices())
    store.keep_decision(known, PLAN)
    path = kept(tmp_path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "plan": content["plan"].replace('"streams": 1', '"streams": "two"')}))
    assert store.decision(known) is None
