"""What a crossing costs: every way, 4 KiB to 64 MiB, both directions, every OpenCL device; writes result JSON."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyopencl as cl

from engine.devices.discover import opencl_devices, why_no_opencl
from engine.devices.opencl import OpenClDevice
from experiments.crossing_cost.plot import plot
from experiments.crossing_cost.ways import WAYS, NotOfferedError, Way
from hetero.report import machine

FOLDER = Path(__file__).parent
SIZES = tuple(4096 << shift for shift in range(0, 15, 2))  # bytes, 4 KiB to 64 MiB
PAGE = 4096
SECONDS = 0.3  # for one way and size
FEWEST = 5

# One work-item a page, so that drivers that move memory only when it is used have to.
TOUCH = """
__kernel void touch(__global uint *x) { x[get_global_id(0) * 1024] += 1; }
"""


class Wrong(RuntimeError):  # noqa: N818
    """Bytes that did not arrive."""


class Measurement:
    """One way with one size on one device: hand over, touch, hand back, touch, again and again."""

    def __init__(self, way: Way) -> None:
        self._way, self._queue = way, way.device.lane(0).queue
        self._kernel = cl.Program(way.device.context, TOUCH).build().touch
        self._kernel.set_args(way.argument)
        self._pages = way.nbytes // PAGE
        self._host = way.host[: self._pages * PAGE].view(np.uint32)[:: PAGE // 4]
        self._host[:] = 0
        self._expected = 0

    def run(self) -> tuple[float, float]:
        """Seconds from the host to the device, and back.

        Each is the time until the other side has touched every page, less what that takes when the memory is its
        already. Raises Wrong where a side does not find what the other wrote.
        """
        up = self._timed(self._way.up, self._launch, self._queue.finish) - self._timed(self._launch, self._queue.finish)
        down = self._timed(self._way.down, self._touch) - self._timed(self._touch)
        self._expected += 4
        if (self._host != self._expected).any():
            raise Wrong(f"{int((self._host != self._expected).sum())} of {self._pages} pages are not {self._expected}")
        return up, down

    def _timed(self, *works: Callable[[], Any]) -> float:
        start = time.perf_counter()
        for work in works:
            work()
        return time.perf_counter() - start

    def _launch(self) -> None:
        cl.enqueue_nd_range_kernel(self._queue, self._kernel, (self._pages,), None)

    def _touch(self) -> None:
        self._host += 1


def measure(device: OpenClDevice, name: str, nbytes: int) -> dict[str, Any]:
    """Medians of one way and size; the reason where it is not to be had."""
    row: dict[str, Any] = {"way": name, "bytes": nbytes}
    try:
        measurement = Measurement(WAYS[name](device, nbytes))
        measurement.run()
        found = []
        begin = time.perf_counter()
        while len(found) < FEWEST or time.perf_counter() - begin < SECONDS:
            found.append(measurement.run())
    except (NotOfferedError, Wrong, cl.Error) as error:
        return row | {"failed": f"{type(error).__name__}: {error}"}
    ups, downs = zip(*found, strict=True)
    return row | {"up": median(ups), "down": median(downs), "runs": len(found)}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {key: f"{1e6 * value:.1f} us" if key in ("up", "down") else value for key, value in row.items()}


def main() -> None:
    """`python -m experiments.crossing_cost` measures every device; a file each, named by device and driver."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", type=int, help="only the device of this number, as `hetero devices` counts GPUs")
    parser.add_argument("--only-plot", action="store_true", help="draw the results that are there")
    words = parser.parse_args()
    devices = [] if words.only_plot else opencl_devices()
    if not devices and not words.only_plot:
        raise SystemExit(f"no OpenCL device: {why_no_opencl()}")
    for device in devices if words.device is None else [devices[words.device]]:
        rows = []
        for name in WAYS:
            for nbytes in SIZES:
                row = measure(device, name, nbytes)
                rows.append(row)
                print(device.name, _shown(row), flush=True)
                if "failed" in row:
                    break
        facts = {"device": device.name, "driver": device.driver, "emulated": device.emulated}
        facts |= {"unified_memory": device.unified_memory, "machine": machine(), "unit": "s"}
        short = re.sub(r"[^a-z0-9.]+", "-", f"{device.driver}".lower()).strip("-")
        (FOLDER / f"result-{short}.json").write_text(json.dumps(facts | {"rows": rows}, indent=1) + "\n")
    plot(FOLDER)


if __name__ == "__main__":
    main()
