"""Commands: machine code and what fails in it, and Python's functions among them."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from engine.devices.command import Called, Command, DriverError
from engine.devices.entry import tally
from engine.devices.native import call, native
from kernels.cpu.record import integers


@native("int64(int64)")
def _double(words):  # type: ignore[no-untyped-def]
    w = integers(words)
    w[0] *= 2
    return w[1]


@native("int64(int64)")
def _called(words):  # type: ignore[no-untyped-def]
    w = integers(words)
    return call(w[0], w[1])


def test_machine_code_reads_its_words_and_its_code_is_an_error() -> None:
    count = np.array([5], np.int64)
    made = Command(tally, (count.ctypes.data, 7), DriverError, count)
    made.run()
    made.run()
    assert count.tolist() == [19]
    with pytest.raises(DriverError, match=r"^-36$"):
        Command(_double, (1, -36), DriverError).run()


def test_a_function_of_python_is_called_from_machine_code_and_its_error_kept() -> None:
    def trip() -> None:
        seen.append(threading.current_thread())
        raise KeyError(len(seen))

    seen: list[threading.Thread] = []
    made = Called(trip)
    words = np.array([made.function, made.words], np.int64)
    code = _called(words.ctypes.data)
    assert code != 0
    with pytest.raises(KeyError, match="1"):
        raise made.error(code)
    with pytest.raises(KeyError, match="2"):
        made.run()
    assert seen == [threading.current_thread()] * 2


def test_brief_calls_do_the_same() -> None:
    words = np.array([4, 0], np.int64)
    assert _double.brief(words.ctypes.data) == 0
    assert _double(words.ctypes.data) == 0
    assert words.tolist() == [16, 0]
