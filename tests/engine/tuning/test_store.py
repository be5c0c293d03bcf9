"""Tuned choices on disk: found for the right device, driver and template, and for no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.tuning import store
from engine.tuning.store import Tuned, keep, tunings, user_file
from kernels.spaces import spaces

PACKAGED = sorted(store.SHIPPED.glob("*.json"))
CHOICE = {"pixels": 3, "blocks": 1, "unroll": 4, "rows_last": 0}
KEY = ("direct", "some shape")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(store, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(store, "user_data_path", lambda name: tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("path", PACKAGED, ids=lambda path: path.stem)
def test_what_ships_is_of_the_spaces_and_was_faster(path: Path) -> None:
    content = json.loads(path.read_text())
    assert content["device"]
    assert content["driver"]
    for name, part in content["spaces"].items():
        for entry in part["problems"].values():
            assert spaces()[name].holds(entry["choice"])
            assert entry["microseconds"] < entry["default_microseconds"]


def test_what_is_kept_is_found_by_device_and_driver() -> None:
    keep(user_file("a [GPU]", "1.0"), "a [GPU]", "1.0", {KEY: Tuned(CHOICE, 1e-5, 2e-5)})
    assert tunings("a [GPU]", "1.0") == {KEY: CHOICE}
    assert tunings("a [GPU]", "1.1") == tunings("a G", "1.0") == {}


def test_later_choices_are_added_and_replace() -> None:
    path = user_file("a", "1")
    keep(path, "a", "1", {KEY: Tuned(CHOICE, 1e-5, 2e-5), ("direct", "other"): Tuned(CHOICE, 1, 1)})
    better = CHOICE | {"pixels": 5}
    keep(path, "a", "1", {KEY: Tuned(better, 1e-6, 2e-5)})
    assert tunings("a", "1") == {KEY: better, ("direct", "other"): CHOICE}
    entry = json.loads(path.read_text())["spaces"]["direct"]["problems"]["some shape"]
    assert entry == {"choice": better, "microseconds": 1.0, "default_microseconds": 20.0}


def test_choices_of_another_template_text_are_out_of_date() -> None:
    path = user_file("a", "1")
    keep(path, "a", "1", {KEY: Tuned(CHOICE, 1, 1)})
    path.write_text(path.read_text().replace(spaces()["direct"].digest, "0" * 16))
    assert tunings("a", "1") == {}
    keep(path, "a", "1", {("direct", "new"): Tuned(CHOICE, 1, 1)})
    assert tunings("a", "1") == {("direct", "new"): CHOICE}


def test_shipped_files_name_patterns_and_give_way_to_the_users(folders: Path) -> None:
    keep(folders / "shipped" / "x.json", "NVIDIA H?00*", "NVIDIA CUDA *", {KEY: Tuned(CHOICE, 1, 1)})
    assert tunings("NVIDIA H200", "NVIDIA CUDA 550") == {KEY: CHOICE}
    assert tunings("NVIDIA A100", "NVIDIA CUDA 550") == {}
    own = CHOICE | {"pixels": 9}
    keep(user_file("NVIDIA H200", "NVIDIA CUDA 550"), "NVIDIA H200", "NVIDIA CUDA 550", {KEY: Tuned(own, 1, 1)})
    assert tunings("NVIDIA H200", "NVIDIA CUDA 550") == {KEY: own}


@pytest.mark.parametrize("damage", ["", "{", '{"device": "a", "driver": "1", "spaces": {"gone": {"digest": "0"}}}'])
def test_a_damaged_file_is_as_good_as_none(damage: str) -> None:
    path = user_file("a", "1")
    path.parent.mkdir(parents=True)
    path.write_text(damage)
    assert tunings("a", "1") == {}
