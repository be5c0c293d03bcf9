"""Deliveries: outputs in arrays of their own, whatever becomes of the slot, copied by a worker or by the device."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest

from engine.devices.device import DriverError
from engine.devices.discover import opencl_devices, why_no_opencl
from engine.devices.opencl import OpenClDevice
from hetero.memory import supply
from hetero.memory.delivery import Delivery
from hetero.memory.shared import StagedBuffer
from hetero.memory.supply import LENT, Supply

FRAMES = 3


@pytest.fixture
def outputs() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {"a": draw.standard_normal((FRAMES, 2, 5), np.float32), "b": draw.integers(0, 9, (FRAMES, 4))}


@pytest.mark.parametrize("frames", [1, FRAMES])
def test_what_was_promised_is_delivered(outputs: dict[str, np.ndarray], frames: int) -> None:
    made = Delivery(outputs, frames, [{}], Supply(outputs, 1, {}))
    given = []
    for _ in range(2 * LENT):
        outputs["a"] += 1
        made.promise(0)
        made.command.run()
        given.append((made.collect(), {name: array.copy() for name, array in outputs.items()}))
    for found, expected in given:  # and nothing that came later has touched it
        assert len(found) == frames
        for name, array in expected.items():
            rows = [each[name] for each in found]
            np.testing.assert_array_equal(np.concatenate(rows), array, strict=True)
            assert all(row.flags.writeable for row in rows)


def test_nothing_is_given_twice(outputs: dict[str, np.ndarray]) -> None:
    made = Delivery(outputs, 1, [{}], Supply(outputs, 1, {}))
    made.promise(0)
    assert [list(each) for each in made.collect()] == [list(outputs)]
    assert made.collect() == [{}]


def test_constants_come_as_they_are() -> None:
    scalar, turned, none = np.array(7.5), np.arange(6.0).reshape(2, 3).T, np.zeros((0, 4), np.int64)
    outputs = {"scalar": scalar, "turned": turned, "none": none}
    made = Delivery(outputs, 1, [{}], Supply(outputs, 1, {}))
    made.promise(0)
    made.command.run()
    (found,) = made.collect()
    np.testing.assert_equal(found, {"scalar": scalar, "turned": turned, "none": none})


class Discrete:
    """A slot with two outputs, of which one comes from a device with memory of its own."""

    def __init__(self, device: OpenClDevice) -> None:
        self.shared = StagedBuffer(device, 64, 0, False)
        host = self.shared.host.view(np.float32).reshape(2, 8)
        self.outputs = {"copied": np.arange(6), "landed": host}
        staged = {"landed": self.shared}
        self.supply = Supply(self.outputs, 1, staged)
        self.delivery = Delivery(self.outputs, 1, [staged, {}], self.supply)

    def frame(self, value: float, variant: int = 0) -> dict[str, np.ndarray]:
        """One in which the device has made `value`; in variant 1 the host has."""
        self.outputs["landed"][...] = value
        self.outputs["copied"][...] = value
        if variant == 0:
            self.shared.to_device()
            self.shared.wait()
        self.delivery.promise(variant)
        if variant == 0:
            self.shared.to_host()
            self.shared.wait()
        self.delivery.command.run()
        (found,) = self.delivery.collect()
        return found

    def landed(self, found: dict[str, np.ndarray]) -> bool:
        """Whether a frame's output lies where the device copied it."""
        return found["landed"].ctypes.data in {loan.address for loan in self.supply.pinned["landed"]._loans}


@pytest.fixture
def discrete(device: OpenClDevice) -> Discrete:
    return Discrete(device)


@pytest.fixture
def device() -> OpenClDevice:
    if not opencl_devices():
        pytest.skip(why_no_opencl() or "no OpenCL device")
    return OpenClDevice(opencl_devices()[0].handle)


def test_what_a_device_can_copy_comes_without_another_copy(discrete: Discrete) -> None:
    found = discrete.frame(1)
    discrete.outputs["landed"][...] = 5
    discrete.delivery.command.run()
    assert found["landed"].tolist() == [[1.0] * 8] * 2
    assert discrete.landed(found)


def test_what_is_held_stays_when_no_pinned_memory_is_left(discrete: Discrete) -> None:
    given = [(value, discrete.frame(value)) for value in range(3 * LENT)]
    for value, found in given:
        assert found["landed"].tolist() == [[float(value)] * 8] * 2
        assert found["copied"].tolist() == [value] * 6
    del given, found
    assert all(discrete.landed(discrete.frame(7)) for _ in range(2 * LENT))


def test_variants_differ_in_what_a_device_copies(discrete: Discrete) -> None:
    given = [(value, discrete.frame(value, variant=value % 2)) for value in range(4 * LENT)]
    for value, found in given:
        assert found["landed"].tolist() == [[float(value)] * 8] * 2


@pytest.mark.parametrize(("room", "kept"), [(0, 1), (1, 1), (300, 2)])
def test_no_more_memory_is_kept_than_was_said(
    device: OpenClDevice, monkeypatch: pytest.MonkeyPatch, room: int, kept: int
) -> None:
    monkeypatch.setattr(supply, "KEPT", room)
    made = Discrete(device)
    given = [made.frame(value) for value in range(9)]
    assert sum(map(made.landed, given)) == kept
    del given
    lenders = [*made.supply.plain.values(), *made.supply.pinned.values()]
    assert {len(lender._loans) for lender in lenders} == {kept}


def test_a_driver_without_memory_to_pin_has_results_copied(device: OpenClDevice) -> None:
    made = Discrete(device)
    left = iter(range(3))

    def pinned() -> Iterator[np.ndarray]:
        for whole in StagedBuffer.pinned(made.shared):
            if next(left, None) is None:
                raise DriverError("no memory left")
            yield whole

    made.shared.pinned = pinned
    given = [(value, made.frame(value)) for value in range(9)]
    assert sum(made.landed(found) for _, found in given) == 3
    assert all(found["landed"].tolist() == [[float(value)] * 8] * 2 for value, found in given)


def test_results_outlive_whoever_made_them(device: OpenClDevice) -> None:
    made = Discrete(device)
    kept = made.frame(3)
    del made
    gc.collect()
    assert kept["landed"].tolist() == [[3.0] * 8] * 2
