"""How dense tiles are dealt to tasks: weights are read by few, and no thread is left without work."""

from __future__ import annotations

import pytest

from kernels.cpu.dense import deal


def test_one_thread_reads_every_weight_once() -> None:
    assert deal(tiles=224, pixels=14, groups=8, least=1, workers=1) == 1


@pytest.mark.parametrize("workers", [2, 4, 8, 16])
@pytest.mark.parametrize(("tiles", "groups"), [(7, 16), (7, 64), (224, 8), (28, 1)])
def test_every_thread_has_work(tiles: int, groups: int, workers: int) -> None:
    parts = deal(tiles, 14, groups, 1, workers)
    assert groups * parts >= workers
    assert 1 <= parts <= tiles


def test_no_task_is_smaller_than_asked() -> None:
    assert deal(tiles=28, pixels=14, groups=1, least=10, workers=16) == 3
    assert deal(tiles=3, pixels=14, groups=1, least=10, workers=16) == 1


def test_where_groups_are_many_they_are_not_cut() -> None:
    """A 7x7 image of 512 channels, whose weights are what takes time to read."""
    assert deal(tiles=7, pixels=7, groups=16, least=1, workers=2) < 7
    assert deal(tiles=7, pixels=7, groups=64, least=1, workers=4) == 1
