"""Machine: cores for the threads that serve devices which share them."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest

from hetero.machine import apart
from hetero.pipeline.channel import Channel
from hetero.pipeline.worker import Worker


def devices(threads: int, emulated: bool = True) -> Any:
    return {"cpu": SimpleNamespace(workers=threads, streams=1), "gpu": SimpleNamespace(emulated=emulated)}


@pytest.fixture(autouse=True)
def _four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 3, 5, 7}, raising=False)


def test_devices_that_share_cores_are_served_apart() -> None:
    assert apart(devices(3)) == {"cpu": [2, 3, 5], "gpu": [7]}
    assert apart(devices(1)) == {"cpu": [2], "gpu": [3, 5, 7]}


def test_nothing_is_kept_apart_where_cores_are_not_shared_or_do_not_suffice() -> None:
    assert apart(devices(4)) == {}
    assert apart(devices(2, emulated=False)) == {}
    assert all(apart({key: device}) == {} for key, device in devices(1).items())


def test_a_worker_stays_on_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    stays: list[Any] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda *where: stays.append(where), raising=False)
    for cores in ([3], ()):
        channel = Channel()
        worker = Worker("cpu", channel, cores)
        worker.start()
        channel.close()
        worker.join(10)
        assert not worker.is_alive()
    assert stays == [(0, [3])]
