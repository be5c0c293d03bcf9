"""Compiled kernels are found again only while nothing they are made from has changed."""

from __future__ import annotations

import os
from pathlib import Path

from kernels.cpu.store import KEPT, folder


def sources(place: Path, tile: str) -> Path:
    (place / "cpu").mkdir(parents=True)
    (place / "op.py").write_text("")
    (place / "cpu" / "tile.py").write_text(tile)
    return place / "cpu"


def test_a_change_in_any_source_asks_for_another_folder(tmp_path: Path) -> None:
    base = str(tmp_path / "cache")
    first = folder(base, sources(tmp_path / "a", "one"))
    assert folder(base, sources(tmp_path / "b", "one")) == first
    assert folder(base, sources(tmp_path / "c", "two")) != first


def test_only_the_latest_folders_stay(tmp_path: Path) -> None:
    base = str(tmp_path / "cache")
    folders = []
    for i in range(KEPT + 3):
        folders.append(folder(base, sources(tmp_path / str(i), str(i))))
        os.utime(folders[-1], (i, i))
    assert [f.exists() for f in folders] == [False] * 2 + [True] * (KEPT + 1)
