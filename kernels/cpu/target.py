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
def processor() -> tuple[str, str]:
    """Name and features, as LLVM writes them: this machine's, or what NUMBA_CPU_NAME and NUMBA_CPU_FEATURES say."""
    import llvmlite.binding as llvm
    import numba

    name, features = numba.config.CPU_NAME, numba.config.CPU_FEATURES
    return name or llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten() if features is None else features


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
