"""The most multiply-adds and bytes a second: kernels that do nothing else."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc"
from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

import numpy as np

from kernels.cpu.compiler import cgutils, intrinsic, ir, types
from kernels.cpu.record import kernel
from kernels.cpu.target import CpuTarget
from kernels.cpu.vector import f32, fma, load, pointer_ir, splat, store, vector_call_ir
from kernels.op import Call, CpuLowering, CpuStep, read, write

CHAINS = 12  # vectors at work at once: more than the latency times the units of any processor's multiply-add


@intrinsic(prefer_literal=True)
def chains(typing, x, y, repeats, lanes):
    """`repeats` times v = v / 2 + 1 on CHAINS vectors, from the address x to the address y."""
    count = lanes.literal_value

    def codegen(context, builder, signature, arguments):
        vector = ir.VectorType(f32(), count)
        half, one = ir.Constant(vector, [0.5] * count), ir.Constant(vector, [1.0] * count)
        base = builder.inttoptr(arguments[0], vector.as_pointer())
        places = [ir.Constant(ir.IntType(64), i) for i in range(CHAINS)]
        slots = [cgutils.alloca_once_value(builder, builder.load(builder.gep(base, [i]), align=4)) for i in places]
        with cgutils.for_range(builder, arguments[2]):
            for slot in slots:
                builder.store(vector_call_ir(builder, "fma", [builder.load(slot), half, one]), slot)
        target = pointer_ir(builder, arguments[1], vector)
        for place, slot in zip(places, slots, strict=True):
            builder.store(builder.load(slot), builder.gep(target, [place]), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, lanes), codegen


@cache
def multiply_adds_kernel(lanes: int) -> Any:
    """Record: x, y; repeats. A task is CHAINS vectors."""

    def multiply_adds(args: Any, task: Any) -> None:
        first = task * CHAINS * lanes * 4
        chains(args[0] + first, args[1] + first, args[2], lanes)

    return kernel(multiply_adds)


@cache
def triad_kernel(lanes: int) -> Any:
    """Record: a, b, y; repeats, vectors a task."""

    def triad(args: Any, task: Any) -> None:
        first = task * args[4] * lanes * 4
        for repeat in range(args[3]):
            factor = splat(np.float32(repeat), lanes)
            for place in range(first, first + args[4] * lanes * 4, lanes * 4):
                store(args[2] + place, fma(factor, load(args[1] + place, lanes), load(args[0] + place, lanes)))

    return kernel(triad)


def multiply_adds(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower MultiplyAdds."""
    tasks = prod(call.outputs[0].shape) // (CHAINS * target.lanes)
    address = multiply_adds_kernel(target.lanes).address
    step = CpuStep(address, (read(0), write()), (call.attributes["repeats"],), tasks, "multiply-adds")
    return CpuLowering((step,))


def triad(call: Call, target: CpuTarget) -> CpuLowering:
    """Lower Triad."""
    parts = call.attributes["parts"]
    vectors = prod(call.outputs[0].shape) // (parts * target.lanes)
    address = triad_kernel(target.lanes).address
    numbers = (call.attributes["repeats"], vectors)
    return CpuLowering((CpuStep(address, (read(0), read(1), write()), numbers, parts, "triad"),))
