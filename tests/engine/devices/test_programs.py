"""The cache of built programs: found again, bounded, and never trusted."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from engine.devices.binaries import Binaries
from engine.devices.device import Bound, Memory
from engine.devices.discover import opencl_devices, why_no_opencl
from engine.devices.opencl import OpenClDevice
from engine.devices.programs import Programs
from kernels.op import GpuStep, read, write

DOUBLE = "__kernel void twice(__global const float *x, int x_at, __global float *y, int y_at) {" \
    " const int i = get_global_id(0); y[y_at + i] = TIMES * x[x_at + i]; }"  # fmt: skip


def test_what_is_stored_is_found(tmp_path: Path) -> None:
    kept = Binaries(tmp_path / "programs")
    kept.store(b"program", "device", "options", "source")
    assert kept.load("device", "options", "source") == b"program"
    assert kept.load("device", "options", "other source") is None
    assert kept.load("device", "optionss", "ource") is None
    kept.drop("device", "options", "source")
    assert kept.load("device", "options", "source") is None


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_damaged_file_is_not_found_and_goes(tmp_path: Path, damage: bytes | None) -> None:
    kept = Binaries(tmp_path)
    kept.store(b"program", "key")
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"?" if damage is None else damage)
    assert kept.load("key") is None
    assert not path.exists()


def test_the_longest_unused_are_dropped(tmp_path: Path) -> None:
    kept = Binaries(tmp_path, limit=350)
    for number, name in enumerate("abc"):
        kept.store(bytes(68), name)
        os.utime(kept._path((name,)), (number, number))
    assert kept.load("a") is not None  # used just now, so b is the oldest
    kept.store(bytes(68), "d")
    assert [name for name in "abcd" if kept.load(name) is not None] == ["a", "c", "d"]


def test_without_a_folder_there_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = Binaries(tmp_path / "file")
    kept.store(b"program", "key")
    assert kept.load("key") is None


@pytest.fixture
def device() -> OpenClDevice:
    if not opencl_devices():
        pytest.skip(why_no_opencl() or "no OpenCL device")
    return OpenClDevice(opencl_devices()[0].handle)


def result(device: OpenClDevice, folder: Path, times: int = 2) -> float:
    device.programs = Programs(device.context, device.handle, "me", Binaries(folder))
    step = GpuStep(DOUBLE, "twice", (read(0), write()), (), (4,), None, (("TIMES", times),))
    x, y = Memory(device.upload(np.full(4, 3, np.float32))), Memory(device.allocate(16))
    recording = device.record([Bound(step, (x, y))])
    recording.start()
    recording.wait()
    return float(device.download(y.base, 16).view(np.float32)[3])


def test_a_program_comes_from_disk(device: OpenClDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert result(device, tmp_path) == 6
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(Programs, "_from_source", lambda *_: pytest.fail("built again"))
    assert result(device, tmp_path) == 6


def test_other_defines_are_another_program(device: OpenClDevice, tmp_path: Path) -> None:
    assert [result(device, tmp_path, times) for times in (2, 5, 2)] == [6, 15, 6]
    assert len(list(tmp_path.iterdir())) == 2


def test_what_the_driver_refuses_is_built_anew(device: OpenClDevice, tmp_path: Path) -> None:
    result(device, tmp_path)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    options = "-cl-std=CL1.2 -cl-mad-enable -cl-no-signed-zeros -DTIMES=2"
    Binaries(tmp_path).store(b"no program of any driver", "me", options, DOUBLE)
    assert len(list(tmp_path.iterdir())) == 1
    assert result(device, tmp_path) == 6
    assert len(path.read_bytes()) >= len(content) // 2
