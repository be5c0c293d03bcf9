"""Deliveries: outputs in arrays of their own, whatever becomes of the slot, for as many frames as were promised."""

from __future__ import annotations

import numpy as np
import pytest

from hetero.memory.delivery import Delivery


@pytest.fixture
def frames() -> list[dict[str, np.ndarray]]:
    draw = np.random.default_rng(0)
    whole = {"a": draw.standard_normal((3, 2, 5), np.float32), "b": draw.integers(0, 9, (3, 4))}
    return [{name: each[i] for name, each in whole.items()} for i in range(3)]


def test_what_was_promised_is_delivered(frames: list[dict[str, np.ndarray]]) -> None:
    delivery = Delivery(frames)
    given = []
    for count in (3, 1, 2):
        for each in frames:
            each["a"] += 1
        delivery.promise(count)
        delivery.command.run()
        expected = [{name: array.copy() for name, array in each.items()} for each in frames[:count]]
        given.append((delivery.collect(), expected))
    for found, expected in given:  # and nothing that came later has touched it
        assert len(found) == len(expected)
        for mine, its in zip(found, expected, strict=True):
            assert {name: (a.shape, a.dtype, a.tobytes()) for name, a in mine.items()} == {
                name: (a.shape, a.dtype, a.tobytes()) for name, a in its.items()
            }
            assert all(array.flags.writeable for array in mine.values())


def test_nothing_is_given_twice(frames: list[dict[str, np.ndarray]]) -> None:
    delivery = Delivery(frames)
    delivery.promise(3)
    assert len(delivery.collect()) == 3
    assert delivery.collect() == []


def test_constants_come_as_they_are() -> None:
    scalar, turned, none = np.array(7.5), np.arange(6.0).reshape(2, 3).T, np.zeros((0, 4), np.int64)
    delivery = Delivery([{"scalar": scalar, "turned": turned, "none": none}])
    delivery.promise(1)
    delivery.command.run()
    (found,) = delivery.collect()
    np.testing.assert_equal(found, {"scalar": scalar, "turned": turned, "none": none})
