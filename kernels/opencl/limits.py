"""The most multiply-adds and bytes a second, as `kernels/cpu/limits.py` has them."""

from __future__ import annotations

from math import prod

from kernels.op import Call, GpuLowering, GpuStep, read, write
from kernels.opencl.source import template
from kernels.opencl.target import GpuTarget

CHAINS = 8  # as in limits.cl
_GROUP = 128  # work-items of a group on SIMT devices
_WAVES = 2048  # work-items a compute unit keeps in flight there


def multiply_adds(call: Call, target: GpuTarget) -> GpuLowering:
    """Lower MultiplyAdds: scalars on SIMT devices, vectors on CPU cores."""
    width = 1 if target.simt else min(target.vector_width, 16)
    items = prod(call.outputs[0].shape) // (CHAINS * width)
    group = _GROUP if target.simt and items % _GROUP == 0 else 1
    step = GpuStep(
        template("limits"), "multiply_adds", (read(0), write()), (call.attributes["repeats"],), (items,), (group,),
        (("V", width),),
    )  # fmt: skip
    return GpuLowering((step,))


def triad(call: Call, target: GpuTarget) -> GpuLowering:
    """Lower Triad: neighbours by neighbouring work-items on SIMT devices, a part each on CPU cores."""
    width = 4 if target.simt else min(target.vector_width, 16)
    vectors = prod(call.outputs[0].shape) // width
    items = call.attributes["parts"]
    group = 1
    if target.simt:
        items = min(vectors, target.compute_units * _WAVES) // _GROUP * _GROUP
        group = _GROUP
    count = vectors // items
    step, stride = (items, 1) if target.simt else (1, count)
    numbers = (call.attributes["repeats"], count, step, stride)
    return GpuLowering(
        (
            GpuStep(
                template("limits"), "triad", (read(0), read(1), write()), numbers, (items,), (group,), (("V", width),)
            ),
        )
    )
