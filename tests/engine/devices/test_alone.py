"""Two runs' outputs held against each other."""

from __future__ import annotations

import numpy as np
import pytest

from engine.devices.alone import TOLERANCE, agree
from kernels.op import Spec

RIGHT = np.array([1.0, -2.0, 0.5, 4.0], np.float32)


@pytest.mark.parametrize(
    ("change", "expected"), [(0.0, True), (2 * TOLERANCE, True), (8 * TOLERANCE, False), (np.nan, False)]
)
def test_numbers_agree_to_within_a_share_of_the_largest(change: float, expected: bool) -> None:
    found = RIGHT + np.array([0, 0, change, 0], np.float32)
    assert agree([Spec((4,))], [found.view(np.uint8)], [RIGHT.view(np.uint8)]) is expected


def test_anything_will_do_where_there_is_no_number() -> None:
    wanted = np.where(RIGHT < 0, np.nan, RIGHT).astype(np.float32)
    wrong = np.where(RIGHT > 2, 0, RIGHT).astype(np.float32)
    assert agree([Spec((4,))], [RIGHT.view(np.uint8)], [wanted.view(np.uint8)])
    assert not agree([Spec((4,))], [wrong.view(np.uint8)], [wanted.view(np.uint8)])
