"""Charts: what fills most of a step is what is shown."""

from __future__ import annotations

from hetero.partition.chart import chart
from hetero.partition.simulate import Event


def test_a_chart_by_hand() -> None:
    events = [
        Event(0, "gpu", "wait", "", 0.0, 2.0),
        Event(0, "cpu", "operator", "a", 0.0, 2.0),
        Event(0, "gpu", "crossing", "t", 2.0, 2.8),
        Event(0, "gpu", "operator", "b", 2.8, 5.0),
        Event(11, "cpu", "operator", "a", 2.0, 4.4),
    ]
    assert chart(events, 5) == ["cpu 0011.", "gpu ..x00"]


def test_nothing_happens() -> None:
    assert chart([], 10) == []
