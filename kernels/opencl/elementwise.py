"""Elementwise operators: a chain in one launch where shapes agree, broadcasting elsewhere."""

from __future__ import annotations

from kernels.op import Call, GpuLowering
from kernels.opencl import broadcast, chain
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """The operator's launches, None where there is no kernel."""
    return chain.lower(call, target) or broadcast.lower(call, target)
