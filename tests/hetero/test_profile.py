"""Profile: what is measured of a program's steps, divided among its operators."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hetero.profile import by_node, middle

PROGRAM: Any = SimpleNamespace(
    nodes=[SimpleNamespace(name=name) for name in ("conv", "free", "pool")],
    steps=[SimpleNamespace(node=name) for name in ("conv", "conv", "pool")],
)


@pytest.mark.parametrize("timing", [5e-6, 0.0, -4e-6])
def test_what_timing_adds_to_every_step_alike_is_taken_off(timing: float) -> None:
    true = [4e-5, 1e-5, 2e-5]
    found = by_node(PROGRAM, [each + timing for each in true], sum(true))
    assert found == {"conv": pytest.approx(5e-5), "free": 0.0, "pool": pytest.approx(2e-5)}


def test_operators_add_up_to_the_whole_and_none_takes_less_than_no_time() -> None:
    found = by_node(PROGRAM, [5e-5, 5e-5, 5e-6], 3e-5)
    assert found["pool"] == 0.0
    assert sum(found.values()) == pytest.approx(3e-5)


def test_the_middle_half() -> None:
    assert middle([9.0, 1.0, 2.0, 4.0]) == 3.0
    assert middle([5.0]) == 5.0
