"""The pool: every task is done once, whoever comes late, sleeps or calls at the same time."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from engine.devices.pool import Pool
from kernels.cpu.record import integers, kernel


def _count(args: Any, task: Any) -> None:
    done = integers(args[0])
    done[task] += 1


@pytest.fixture(scope="module")
def counting() -> Any:
    """A kernel whose task k adds one to the k-th word of what its record points to."""
    return kernel(_count)


class Job:
    """Commands of so many tasks each, and how often each task was done."""

    def __init__(self, counting: Any, tasks: list[int]) -> None:
        self.done = [np.zeros(count, np.int64) for count in tasks]
        self._records = [np.array([done.ctypes.data], np.int64) for done in self.done]
        rows = [(counting.address, r.ctypes.data, 0, n) for r, n in zip(self._records, tasks, strict=True)]
        self.commands = np.array(rows, np.int64)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_task_is_done_once(counting: Any, threads: int) -> None:
    pool, job = Pool(threads), Job(counting, [1, 7, 1000, 0, 3])
    for runs in range(1, 201):
        pool.run(job.commands)
        assert all((done == runs).all() for done in job.done)


def test_helpers_that_sleep_are_woken(counting: Any) -> None:
    pool, job = Pool(3), Job(counting, [2000])
    for runs in range(1, 6):
        pool.run(job.commands)
        assert (job.done[0] == runs).all()
        time.sleep(0.02)


def test_callers_at_the_same_time_do_not_meet(counting: Any) -> None:
    pool, runs = Pool(2), 300
    jobs = [Job(counting, [50, 3, 200]) for _ in range(4)]
    callers = [threading.Thread(target=lambda job=job: [pool.run(job.commands) for _ in range(runs)]) for job in jobs]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert all((done == runs).all() for job in jobs for done in job.done)


def _count_by_worker(args: Any, task: Any) -> None:
    integers(args[0])[0] += 1


def test_every_worker_has_a_record_of_its_own() -> None:
    """Threads that count in the same word would lose some now and then."""
    pool, done = Pool(2), np.zeros((2, 8), np.int64)
    records = np.array([row.ctypes.data for row in done], np.int64)
    commands = np.array([(kernel(_count_by_worker).address, records.ctypes.data, 8, 20_000)], np.int64)
    runs = 0
    while runs < 10 or (runs < 1000 and not done[:, 0].all()):
        pool.run(commands)
        runs += 1
        assert done[:, 0].sum() == runs * 20_000
    assert done[:, 0].all()
    assert not done[:, 1:].any()
