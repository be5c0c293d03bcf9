"""Pace: only frames of a stream that is under way count."""

from __future__ import annotations

import pytest

from hetero.pace import pace


def test_filling_and_running_dry_do_not_count() -> None:
    filling, under_way, dry = [5.0, 6.0], [6.5, 7.0, 7.5, 8.0], [9.0, 12.0]
    assert pace([*filling, *under_way, *dry], 2) == pytest.approx(0.5)
    assert pace([*dry, *under_way, *filling], 2) == pytest.approx(0.5)  # results come in another order than frames end


@pytest.mark.parametrize(("frames", "lead"), [(4, 2), (3, 0), (0, 1)])
def test_some_frame_has_to_count(frames: int, lead: int) -> None:
    with pytest.raises(ValueError, match=f"^{frames} frames leave none to count with {lead} before and behind"):
        pace([1.0] * frames, lead)
