"""Warnings stay unseen until the last one within has left, in whatever order they leave."""

from __future__ import annotations

import warnings

import pytest

from engine.devices.silence import Silence


def warn(category: type[Warning]) -> None:
    warnings.warn("a remark", category, stacklevel=1)


def test_the_first_out_leaves_the_others_in_silence() -> None:
    silence = Silence(UserWarning)
    silence.__enter__()
    with silence:
        warn(UserWarning)
    warn(UserWarning)
    with pytest.raises(DeprecationWarning):
        warn(DeprecationWarning)
    silence.__exit__()
    with pytest.raises(UserWarning):
        warn(UserWarning)
