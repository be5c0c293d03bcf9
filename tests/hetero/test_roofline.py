"""The arithmetic of limits, with numbers made up."""

from __future__ import annotations

import pytest

from hetero.roofline import Limits

MOST = Limits(100e9, ((1000, 50e9), (1_000_000, 10e9)))


@pytest.mark.parametrize(
    ("nbytes", "rate"), [(1, 50e9), (1000, 50e9), (999_999, 50e9), (1_000_000, 10e9), (10**12, 10e9)]
)
def test_the_rate_is_that_of_the_next_smaller_amount(nbytes: int, rate: float) -> None:
    assert MOST.bytes_per_second(nbytes) == rate


@pytest.mark.parametrize(
    ("flops", "nbytes", "seconds", "bound"),
    [
        (100e9, 1000, 1.0, "compute"),
        (0, 10_000_000, 1e-3, "memory"),
        (10_000, 5000, 1e-7, "memory"),
        (10_001, 5000, 1.0001e-7, "compute"),
        (0, 0, 0.0, "memory"),
    ],
)
def test_the_slower_of_arithmetic_and_memory_is_the_limit(
    flops: float, nbytes: int, seconds: float, bound: str
) -> None:
    least, by = MOST.least(flops, nbytes)
    assert least == pytest.approx(seconds)
    assert by == bound
