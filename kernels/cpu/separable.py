"""Separable convolution on the CPU: one operator after the other."""

from __future__ import annotations

from kernels.cpu import affine, conv
from kernels.cpu.target import CpuTarget
from kernels.op import Call, CpuLowering
from kernels.separable import parts
from kernels.sequence import sequence


def lower(call: Call, target: CpuTarget) -> CpuLowering | None:
    """Lower Separable: X (N, C, H, W) blocked, all weights constant."""
    first, second = parts(call)
    made: CpuLowering | None = (affine if first.op == "Affine" else conv).lower(first, target)
    product: CpuLowering | None = conv.lower(second, target)
    if made is None or product is None:
        return None
    return sequence(made, product, first.outputs[0].nbytes)
