"""Files written whole or not at all, and read whatever became of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import jsonfile


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.json"
    jsonfile.save(path, {"a": [1, 2.5], "b": {"c": None}})
    assert jsonfile.load(path) == {"a": [1, 2.5], "b": {"c": None}}
    assert [p.name for p in path.parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'"text"'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    assert jsonfile.load(tmp_path / "a.json") == jsonfile.load(tmp_path / "none.json") == {}


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    jsonfile.save(path, {"old": 1})
    monkeypatch.setattr(Path, "replace", lambda self, other: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        jsonfile.save(path, {"new": 1})
    assert jsonfile.load(path) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_names_are_readable_and_never_collide() -> None:
    name = jsonfile.name_for("NVIDIA H100 80GB/HBM3", "NVIDIA CUDA 550.54")
    assert name.startswith("NVIDIA-H100-80GB-HBM3-NVIDIA-CUDA-550.54-")
    assert jsonfile.name_for("a b", "c") != jsonfile.name_for("a", "b c")
