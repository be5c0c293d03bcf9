"""Runs one lowering on an OpenCL device and hands back the output in ONNX's layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.devices.device import Bound, Memory
from engine.devices.discover import opencl_devices, why_no_opencl
from engine.devices.opencl import OpenClDevice
from kernels.op import Call, GpuLowering, Spec
from kernels.opencl.target import GpuTarget

Array = np.ndarray[Any, Any]
Lower = Callable[[Call, GpuTarget], GpuLowering | None]


def device() -> OpenClDevice:
    """The first OpenCL device; the test is skipped where there is none."""
    found = opencl_devices()
    if not found:
        pytest.skip(why_no_opencl() or "no OpenCL device")
    return found[0]


def target(simt: bool) -> GpuTarget:
    """The device's own target, or as if it were a GPU (or were none)."""
    return replace(device().target, simt=simt, compute_units=8 if simt else 2, local_memory=48 << 10, vector_width=8)


def blocked(array: Array, block: int, fill: float = 7.5) -> Array:
    """[N][ceil(C / block)][H][W][block], lanes beyond C filled with something that must not matter."""
    n, c, h, w = array.shape
    wide = np.full((n, -(-c // block) * block, h, w), fill, array.dtype)
    wide[:, :c] = array
    return np.ascontiguousarray(wide.reshape(n, -1, block, h, w).transpose(0, 1, 3, 4, 2))


def unblocked(stored: Array, channels: int) -> Array:
    """The reverse of `blocked`."""
    n, blocks, h, w, block = stored.shape
    return stored.transpose(0, 1, 4, 2, 3).reshape(n, blocks * block, h, w)[:, :channels]


def spec(shape: Sequence[int], layout: Any = "plain", block: int = 16, gap: int = 0, dtype: Any = "f") -> Spec:
    """A spec whose images lie `gap` blocks further apart than they are long."""
    made = Spec(tuple(shape), np.dtype(dtype), layout, block)
    return replace(made, batch_stride=made.stride + gap * block) if gap else made


def _stored(array: Array, how: Spec) -> Array:
    """An array as the spec stores it, gaps between images included, one spare block in front."""
    flat = (blocked(array, how.block) if how.layout == "blocked" else array).reshape(-1)
    n = array.shape[0] if how.layout == "blocked" else 1
    step = how.stride if how.layout == "blocked" else flat.size
    out = np.full(16 * 4 + n * max(step, flat.size // max(n, 1)), 3.25).astype(array.dtype)
    for image, part in enumerate(flat.reshape(n, -1)):
        out[64 + image * step : 64 + image * step + part.size] = part
    return out


def _loaded(memory: Array, how: Spec) -> Array:
    if how.layout == "plain":
        return memory[64 : 64 + how.size].reshape(how.shape)
    size = how.size // how.shape[0]
    images = [memory[64 + i * how.stride : 64 + i * how.stride + size] for i in range(how.shape[0])]
    stored = np.stack(images).reshape(how.stored)
    if stored.dtype.kind == "f":
        assert np.isfinite(stored).all(), "padding lanes must be finite"
    return unblocked(stored, how.shape[1])


def run(lower: Lower, call: Call, arrays: Sequence[Array | None], how: GpuTarget) -> list[Array]:
    """Lower, bind, run twice, read back; everything beside the output must stay untouched."""
    made = device()
    lowering = lower(call, how)
    assert lowering is not None, "no lowering"
    inputs: Mapping[int, Any] = {
        i: made.upload(_stored(a, call.need(i)))
        for i, a in enumerate(arrays)
        if a is not None and i not in call.constants
    }
    blank = [_stored(np.full(o.shape, 9, o.dtype), o) for o in call.outputs]
    outputs = [made.upload(array) for array in blank]
    scratch = [made.allocate(nbytes) for nbytes in lowering.scratch]
    bound = []
    for step in lowering.steps:
        memory = []
        for operand in step.operands:
            if operand.kind == "constant":
                assert operand.array is not None
                memory.append(Memory(made.upload(operand.array)))
            elif operand.kind == "scratch":
                memory.append(Memory(scratch[operand.index]))
            else:
                base = inputs[operand.index] if operand.kind == "input" else outputs[operand.index]
                where = call.need(operand.index) if operand.kind == "input" else call.outputs[operand.index]
                memory.append(Memory(base, 64 * where.dtype.itemsize))
        bound.append(Bound(step, tuple(memory)))
    recording = made.record(bound)
    recording.start()
    recording.start()
    recording.wait()
    results = []
    for buffer, before, how_out in zip(outputs, blank, call.outputs, strict=True):
        import pyopencl as cl

        after = np.empty_like(before)
        cl.enqueue_copy(made.queue, after, buffer)
        assert np.array_equal(after[:64], before[:64]), "written in front of the output"
        results.append(_loaded(after, how_out))
    return results


def close(actual: Array, expected: Array, tolerance: float = 1e-5) -> None:
    """Equal within a tolerance relative to the largest value."""
    assert actual.shape == expected.shape
    scale = max(1e-30, float(np.abs(expected).max(initial=0)))
    worst = float(np.abs(actual - expected).max(initial=0))
    assert worst <= tolerance * scale, f"off by {worst:.3g} of {scale:.3g}"


def reference(op: str, arrays: Sequence[Array | None], **attributes: Any) -> list[Array]:
    """What ONNX's reference evaluator says."""
    import onnx
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    names = ["" if a is None else f"x{i}" for i, a in enumerate(arrays)]
    values = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in zip(names, arrays, strict=True)
        if a is not None
    ]
    node = helper.make_node(op, names, ["y"], **attributes)
    graph = helper.make_graph([node], "one", values, [onnx.ValueInfoProto(name="y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    feeds = {name: a for name, a in zip(names, arrays, strict=True) if a is not None}
    return ReferenceEvaluator(model).run(None, feeds)
