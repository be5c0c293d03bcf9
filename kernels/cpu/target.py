"""CpuTarget: what a CPU kernel needs to know of the processor."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class CpuTarget:
    """`lanes`: float32 numbers in a vector register; `registers`: how many of those there are."""

    lanes: int = 16
    registers: int = 32


@cache
def host() -> CpuTarget:
    """The processor this process compiles for: LLVM's list of its features, or what NUMBA_CPU_FEATURES says instead."""
    import llvmlite.binding as llvm
    from numba.core import config

    if platform.machine().lower() in ("arm64", "aarch64"):
        return CpuTarget(lanes=4, registers=32)
    said = config.CPU_FEATURES
    features = (
        llvm.get_host_cpu_features() if said is None else {name[1:]: name[0] == "+" for name in said.split(",") if name}
    )
    if features.get("avx512f"):
        return CpuTarget(lanes=16, registers=32)
    if features.get("avx2") and features.get("fma"):
        return CpuTarget(lanes=8, registers=16)
    # Of 16: without fused multiply-adds products, and copies of what they overwrite, need some.
    return CpuTarget(lanes=4, registers=13)
