"""Winograd's products by pairs: the sums of every place, tiles that fit the registers, and what weights take."""

from __future__ import annotations

import numpy as np
import pytest

from engine.devices.device import Bound, Memory
from engine.devices.numba_cpu import NumbaDevice
from kernels.cpu.paired import choose_pixels, pair_cycles, paired_kernel
from kernels.op import CpuStep, constant
from kernels.winograd import POINTS, values


@pytest.mark.parametrize("size", list(POINTS))
@pytest.mark.parametrize(("channels", "columns", "pixels"), [(40, 7, 4), (3, 5, 5), (16, 4, 1)])
def test_every_place_has_its_sum(
    size: int, channels: int, columns: int, pixels: int, random: np.random.Generator
) -> None:
    """Lanes behind the last channel hold not-a-number: nobody may read them."""
    lanes, edge, blocks = 16, size + 2, -(-channels // 16)
    inputs = random.standard_normal((edge, channels, columns)).astype(np.float32)
    weights = random.standard_normal((channels, 3, lanes)).astype(np.float32)
    x = np.full((edge, blocks * lanes, columns), np.nan, np.float32)
    x[:, :channels] = inputs
    stored = np.ascontiguousarray(x.reshape(edge, blocks, lanes, columns).transpose(0, 1, 3, 2))
    device = NumbaDevice(1)
    y = device.allocate(edge * columns * lanes * 4)
    place, block = blocks * columns * lanes * 4, columns * lanes * 4
    step = CpuStep(
        paired_kernel(size, pixels, lanes).address, (constant(stored), constant(weights), constant(y)),
        (columns, channels, place, block, block),
    )  # fmt: skip
    memory = (Memory(device.upload(stored)), Memory(device.upload(weights)), Memory(y))
    device.record([Bound(step, memory)]).start()
    window = np.einsum("pk,ckl->pcl", values(size)[1], weights.astype(np.float64))
    want = np.einsum("pct,pcl->ptl", inputs.astype(np.float64), window)
    got = y.view(np.float32).reshape(edge, columns, lanes)
    assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()


@pytest.mark.parametrize("registers", [13, 16, 32])
@pytest.mark.parametrize("columns", [1, 4, 16, 49, 66, 256])
def test_no_other_tile_that_fits_takes_fewer_cycles(columns: int, registers: int) -> None:
    pixels = choose_pixels(columns, registers)
    assert 1 <= pixels <= columns
    assert 2 * pixels + 5 <= registers
    fitting = [p for p in range(1, columns + 1) if 2 * p + 5 <= registers]
    assert pair_cycles(columns, pixels) == min(pair_cycles(columns, p) for p in fitting)
