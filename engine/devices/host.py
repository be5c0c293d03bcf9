"""The machine under all devices: its processor's name and caches, its memory, and the cores this process may use."""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np


def usable_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor_name() -> str:
    """The processor's name as the system gives it."""
    listing = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", listing.read_text(), re.M) if listing.exists() else None
    return found.group(1) if found else platform.processor() or platform.machine()


def cache_bytes(otherwise: int) -> int:
    """Bytes of a core's second-level cache, where the system says so."""
    size = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")
    found = re.fullmatch(r"(\d+)K", size.read_text().strip()) if size.exists() else None
    return int(found.group(1)) * 1024 if found else otherwise


def page_aligned(nbytes: int) -> np.ndarray[Any, Any]:
    """Bytes that begin at a page: fresh from the system, zero.

    Where the system can, they are there at once: or the first frames would wait for every page that they touch.
    """
    if sys.platform != "linux":
        return np.frombuffer(mmap.mmap(-1, max(nbytes, 1)), np.uint8)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
    return np.frombuffer(mmap.mmap(-1, max(nbytes, 1), flags), np.uint8)


def give_back_memory() -> None:
    """Have memory that nobody needs any more go back to the system, which allocators put off."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None  # glibc's own
    if trim is not None:
        trim(0)
