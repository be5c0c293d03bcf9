"""What a launch costs the host: all loops run on whatever OpenCL device is there."""

from __future__ import annotations

import pytest

from engine.devices.discover import opencl_devices, why_no_opencl
from experiments.gpu_peers.replay import EmptyKernels, launch_microseconds


class Recording(EmptyKernels):
    """Empty kernels that count themselves, as a recording does."""

    launches = 3


def test_every_launch_is_enqueued_and_timed() -> None:
    if not opencl_devices():
        pytest.skip(why_no_opencl() or "no OpenCL device")
    device = opencl_devices()[0]
    found = launch_microseconds(device, Recording(device, Recording.launches))
    assert found.keys() == {"ours", "driver", "driver_pointers", "ratio", "ratio_pointers"}
    assert all(value > 0 for value in found.values())
