"""The channel: oldest first, and closed only when empty."""

from __future__ import annotations

import random
from concurrent.futures import Future

from hetero.pipeline.channel import Channel
from hetero.pipeline.flight import Flight


def flight(index: int) -> Flight:
    return Flight(index, None, 0, (), (), 0.0, Future())


def test_the_oldest_comes_first() -> None:
    channel = Channel()
    for index in random.Random(0).sample(range(50), 50):
        channel.put(flight(index))
    taken = []
    for _ in range(50):
        got = channel.get()
        assert got is not None
        taken.append(got.index)
    assert taken == list(range(50))


def test_what_waits_is_taken_before_the_end() -> None:
    channel = Channel()
    channel.put(flight(2))
    channel.close()
    channel.close()
    channel.put(flight(1))
    assert [got.index if (got := channel.get()) else None for _ in range(4)] == [1, 2, None, None]
