"""Gemm and MatMul: rows of A times panels of B, which are packed at load where B is constant."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from kernels.op import Call, GpuLowering, GpuStep, Operand, constant, operand, scratch, write
from kernels.opencl.activation import activation
from kernels.opencl.chain import tail
from kernels.opencl.grid import ceil_div, round_up
from kernels.opencl.source import template
from kernels.opencl.strided import strided
from kernels.opencl.target import GpuTarget
from kernels.product import Product, image_stride

Array = np.ndarray[Any, Any]
_PANEL = 16  # columns packed together, whatever the blocks of images are
_PACKERS = 64  # work-items of a group that packs


def lower(call: Call, target: GpuTarget) -> GpuLowering | None:
    """One launch over panels of columns and groups of rows, after those that pack B and that make stacks lie evenly."""
    a, b = call.need(0), call.need(1)
    if a.layout != "plain" or a.dtype != np.float32 or (call.given(2) is not None and 2 not in call.constants):
        return None
    product = Product.of(call)
    if 1 in call.constants and len(b.shape) == 2:
        flat = replace(product, batch=(), m=prod(product.batch) * product.m, a=product.a[-2:])
        step = _product(call, target, flat, operand(call, 0), constant(_panels(call)), 0, 0)
        return GpuLowering((step,))
    packed = product.k * round_up(product.n, _PANEL)
    steps, areas = [], [4 * prod(product.batch) * packed]
    operands, images = [], []
    for position, (spec, by) in enumerate(((a, product.a), (b, product.b))):
        source, image = operand(call, position), image_stride(product.batch, by)
        if image is None:
            whole = (*product.batch, *spec.shape[-2:])
            source, image = scratch(len(areas)), prod(spec.shape[-2:])
            areas.append(4 * prod(whole))
            steps.append(strided(operand(call, position), source, spec, whole, by, 0, target))
        operands.append(source)
        images.append(image)
    steps.append(_pack(call, product, operands[1], images[1]))
    steps.append(_product(call, target, product, operands[0], scratch(), images[0], packed))
    return GpuLowering(tuple(steps), tuple(areas))


def _product(
    call: Call, target: GpuTarget, product: Product, a: Operand, panels: Operand, a_image: int, panels_image: int
) -> GpuStep:
    rows, columns = product.m, product.n
    lanes = 4 if target.simt else _PANEL
    bias = _bias(call, columns)
    slices = min(256, target.max_work_group) // (_PANEL // lanes) if target.simt else 1
    group = (_PANEL // lanes) * slices
    together = min(rows, 4 if target.simt else 6)
    step = GpuStep(
        template("gemm"), "gemm", (a, panels, constant(bias), write()),
        (
            rows, columns, product.k, *product.a[-2:], bias.shape[1] if len(bias) > 1 else 0, a_image, panels_image,
            *activation(call),
        ),
        (ceil_div(columns, _PANEL) * group, ceil_div(rows, together), prod(product.batch)), (group, 1, 1),
        (("V", lanes), ("PANEL", _PANEL), ("SLICES", slices), ("ROWS", together)),
    )  # fmt: skip
    return tail(call, _PANEL).on(step)


def _pack(call: Call, product: Product, b: Operand, b_image: int) -> GpuStep:
    return GpuStep(
        template("gemm"), "pack", (b, scratch()),
        (product.k, product.n, b_image, *product.b[-2:], float(call.attributes.get("alpha", 1.0))),
        (round_up(product.k * _PANEL, _PACKERS), ceil_div(product.n, _PANEL), prod(product.batch)), (_PACKERS, 1, 1),
        (("V", 1), ("PANEL", _PANEL), ("SLICES", 1), ("ROWS", 1)),
    )  # fmt: skip


def _panels(call: Call) -> Array:
    """A constant B, times alpha, as [panel][K][_PANEL]."""
    b = np.asarray(call.constants[1], np.float32)
    if call.attributes.get("transB", 0):
        b = b.T
    depth, columns = b.shape
    padded = np.zeros((depth, round_up(columns, _PANEL)), np.float32)
    padded[:, :columns] = b * np.float32(call.attributes.get("alpha", 1.0))
    return padded.reshape(depth, -1, _PANEL).transpose(1, 0, 2)


def _bias(call: Call, columns: int) -> Array:
    """[1 or M][columns, padded]: beta * C, with as many rows as it really has."""
    c = np.zeros((1, 1), np.float32)
    if 2 in call.constants:
        c = np.atleast_2d(np.asarray(call.constants[2], np.float32)) * np.float32(call.attributes.get("beta", 1.0))
    bias = np.zeros((c.shape[0], round_up(columns, _PANEL)), np.float32)
    bias[:, :columns] = c
    return bias
