"""Conv: which of four kernels computes a convolution."""

from __future__ import annotations

import numpy as np

from kernels.op import Call, GpuLowering
from kernels.opencl import depthwise, direct, implicit, winograd
from kernels.opencl.convolution import Convolution
from kernels.opencl.target import GpuTarget


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """Two-dimensional float32 convolution with constant weights."""
    if len(call.need(0).shape) != 4 or call.need(0).dtype != np.float32 or 1 not in call.constants:
        return None
    if call.given(2) is not None and 2 not in call.constants:
        return None
    conv = Convolution.of(call)
    if conv.depthwise:
        return depthwise.lower(conv, target)
    if winograd.pays(conv, target):
        return winograd.lower(conv, target)
    return implicit.lower(conv, target) if target.simt else direct.lower(conv, target)
