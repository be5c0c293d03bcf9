"""Schedules: every entry as often as asked, and evenly."""

from __future__ import annotations

import random

import pytest

from hetero.partition.schedule import rounded, spread


@pytest.mark.parametrize("length", range(1, 17))
def test_two_entries_are_spread_evenly(length: int) -> None:
    for ones in range(length + 1):
        pattern = spread((length - ones, ones)) * 2
        assert sum(pattern) == 2 * ones
        for width in range(1, length + 1):
            counts = {sum(pattern[i : i + width]) for i in range(length)}
            assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("seed", range(50))
def test_no_entry_falls_far_behind_its_share(seed: int) -> None:
    random_ = random.Random(seed)
    counts = [random_.randint(0, 9) for _ in range(random_.randint(1, 4))] + [1]
    pattern = spread(counts)
    assert [pattern.count(entry) for entry in range(len(counts))] == counts
    for frames in range(1, len(pattern) + 1):
        for entry, count in enumerate(counts):
            assert abs(pattern[:frames].count(entry) - frames * count / len(pattern)) <= len(counts) - 1


@pytest.mark.parametrize("length", [1, 2, 3, 7, 64])
def test_rounded_shares_sum_to_the_length_and_stay_near(length: int) -> None:
    shares = [0.5, 0.3, 0.2]
    counts = rounded(shares, length)
    assert sum(counts) == length
    assert all(abs(count - share * length) < 1 for count, share in zip(counts, shares, strict=True))
