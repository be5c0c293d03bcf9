"""Finding OpenCL devices, and saying in one line why there are none."""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from engine.devices.host import usable_cores

if TYPE_CHECKING:
    import pyopencl as cl

    from engine.devices.opencl import OpenClDevice

_SYSTEM_VENDORS = Path("/etc/OpenCL/vendors")
_NVIDIA = "libnvidia-opencl.so.1"


def opencl_devices() -> list[OpenClDevice]:
    """Every OpenCL device: GPUs first, then other accelerators, then runtimes on CPU cores."""
    return list(_discover()[0])


def why_no_opencl() -> str | None:
    """Why `opencl_devices` is empty, in one line; None where it is not."""
    return _discover()[1]


@cache
def _discover() -> tuple[tuple[OpenClDevice, ...], str | None]:
    # PoCL reads this when it loads: half of the cores are left to the CPU device.
    os.environ.setdefault("POCL_MAX_PTHREAD_COUNT", str(max(1, usable_cores() // 2)))
    try:
        import pyopencl as cl

        from engine.devices.opencl import OpenClDevice

        with _nvidia_offered():
            platforms = cl.get_platforms()
        found = [device for platform in platforms for device in _devices(platform)]
        usable = [device for device in found if device.available and device.compiler_available]
        devices = sorted(map(OpenClDevice, usable), key=_rank)
    except Exception as error:  # whatever a broken driver or a missing library raises
        return (), " ".join(f"{type(error).__name__}: {error}".split())
    return tuple(devices), None if devices else "OpenCL is installed but lists no usable device"


def _devices(platform: cl.Platform) -> list[cl.Device]:
    """A platform's devices; a platform that fails has none."""
    try:
        return list(platform.get_devices())
    except Exception:
        return []


def _rank(device: OpenClDevice) -> tuple[int, list[int]]:
    """GPUs, other accelerators, CPU runtimes; the newest OpenCL version first."""
    import pyopencl as cl

    kind = device.handle.type
    order = 0 if kind & cl.device_type.GPU else 2 if kind & cl.device_type.CPU else 1
    version = device.handle.version.split()[1]  # "OpenCL 3.0 …"
    return order, [-int(part) for part in version.split(".")]


@contextmanager
def _nvidia_offered() -> Iterator[None]:
    """Make NVIDIA's driver found where it is installed but not registered, as containers often have it.

    The loader reads its list of drivers once, from OCL_ICD_VENDORS or else from a folder of the
    system's or of pyopencl's wheel. For that moment a temporary folder stands in, with a copy of
    those lists plus NVIDIA's line; nothing of it is left for child processes to stumble over.
    """
    if "OCL_ICD_VENDORS" in os.environ or os.name != "posix" or not _unregistered_nvidia():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="hetero-icd-") as folder:
        for index, line in enumerate([_NVIDIA, *_registered()]):
            (Path(folder) / f"{index}.icd").write_text(line + "\n")
        os.environ["OCL_ICD_VENDORS"] = folder
        try:
            yield
        finally:
            del os.environ["OCL_ICD_VENDORS"]


def _unregistered_nvidia() -> bool:
    if any("nvidia" in line.lower() for line in _registered()):
        return False
    try:
        ctypes.CDLL(_NVIDIA)
    except OSError:
        return False
    return True


def _registered() -> list[str]:
    """The drivers' libraries that the system and pyopencl's wheel list, by full path in the latter."""
    drivers = [_first_line(path) for path in sorted(_SYSTEM_VENDORS.glob("*.icd"))]
    spec = find_spec("pyopencl")
    if spec and spec.origin:
        wheel = Path(spec.origin).parent / ".libs"
        drivers += [str(wheel / _first_line(path)) for path in sorted(wheel.glob("*.icd"))]
    return [line for line in drivers if line]


def _first_line(path: Path) -> str:
    return path.read_text().strip().partition("\n")[0]
