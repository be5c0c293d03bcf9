"""CpuTarget: what a CPU kernel needs to know of the processor."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from kernels.cpu.compiler import llvm, versions
from kernels.space import Asked

_VARYING = {"cpu mhz", "bogomips", "processor", "core id", "apicid", "initial apicid", "physical id"}


@dataclass(frozen=True)
class CpuTarget(Asked):
    """What kernels for a processor depend on.

    `lanes`: float32 numbers in a vector register; `registers`: how many of those there are; `cache`: bytes of a core's
    second-level cache; `workers`: threads that work on a frame together.
    """

    lanes: int = 16
    registers: int = 32
    cache: int = 1 << 20
    workers: int = 1


def store() -> Path:
    """Where what was made for this machine is kept: below NUMBA_CACHE_DIR where that is set."""
    return Path(os.environ.get("NUMBA_CACHE_DIR") or user_cache_path("hetero"))


@cache
def processor() -> tuple[str, str]:
    """Name and features, as LLVM writes them: this machine's, or what NUMBA_CPU_NAME and NUMBA_CPU_FEATURES say."""
    name, features = os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")
    own = _found() if not name or features is None else ("", "")
    return name or own[0], own[1] if features is None else features


def _found() -> tuple[str, str]:
    """What LLVM finds of this machine, kept on disk under what the system says of it: the library is large."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().partition("\n\n")[0].splitlines() if listing.exists() else []
    said = [line for line in lines if line.split("\t")[0].lower() not in _VARYING]
    kept = store() / f"processor-{hashlib.sha256(repr((versions(), said)).encode()).hexdigest()[:32]}.json"
    with suppress(OSError, ValueError):
        name, features = json.loads(kept.read_text())
        return str(name), str(features)
    found = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    if said:
        with suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(found))
            part.replace(kept)
    return found


@cache
def host() -> CpuTarget:
    """The processor that kernels are made for."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        return CpuTarget(lanes=4, registers=32)
    features = processor()[1].split(",")
    if "+avx512f" in features:
        return CpuTarget(lanes=16, registers=32)
    if "+avx2" in features and "+fma" in features:
        return CpuTarget(lanes=8, registers=16)
    # Of 16: without fused multiply-adds products, and copies of what they overwrite, need some.
    return CpuTarget(lanes=4, registers=13)
