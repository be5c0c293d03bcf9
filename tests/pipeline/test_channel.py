"""The channel: oldest first, closed only when empty, and what has not begun can be taken back."""

from __future__ import annotations

import random
import threading

from fake_pipeline import PATIENCE, FakeStage, Slot

from hetero.pipeline import relay
from hetero.pipeline.channel import Channel, Seat
from hetero.pipeline.route import Route


def route(index: int, channel: Channel) -> Route:
    made = Route([FakeStage("cpu")], Slot(), {"cpu": channel.address}, channel.address)
    made.depart(index)
    return made


def test_the_oldest_comes_first() -> None:
    channel, seat = Channel(), Seat()
    routes = [route(index, channel) for index in range(50)]
    for index in random.Random(0).sample(range(50), 50):
        channel.put(routes[index])
    assert [channel.take(seat) for _ in routes] == [each.address for each in routes]


def test_what_waits_is_taken_before_the_end() -> None:
    channel, seat = Channel(), Seat()
    one, two = route(1, channel), route(2, channel)
    channel.put(two)
    channel.close()
    channel.close()
    channel.put(one)
    assert [channel.take(seat) for _ in range(4)] == [one.address, two.address, 0, 0]


def test_whoever_sleeps_is_given_what_comes_and_goes_when_it_closes() -> None:
    channel = Channel()
    found: list[int] = []

    def taker() -> None:
        seat = Seat()
        while address := channel.take(seat):
            found.append(address)

    threads = [threading.Thread(target=taker, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    routes = [route(index, channel) for index in range(200)]
    for index, each in enumerate(routes):
        while index % 3 == 0 and not channel._words[relay.SLEEPER]:
            pass
        channel.put(each)
    channel.close()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert sorted(found) == sorted(each.address for each in routes)


def test_what_waits_can_be_taken_back() -> None:
    channel, seat = Channel(), Seat()
    routes = [route(index, channel) for index in range(4)]
    for each in routes:
        channel.put(each)
    assert [channel.withdraw(routes[index]) for index in (2, 0, 2)] == [True, True, False]
    assert channel.take(seat) == routes[1].address
    assert not channel.withdraw(routes[1])
    assert channel.take(seat) == routes[3].address
