"""Operators' own cases with several widths of block, on CPU runtimes and as if on a GPU, writing only outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper

from engine.reference import truth
from kernels.op import Call, Case, Layout, Spec
from kernels.ops import operators
from tests.kernels.opencl.harness import close, run, target
from tests.models import OPSET, of_case

BLOCKED = ("ConvTranspose", "Resize", "Split")
PLAIN = (
    "Gemm", "MatMul", "Split", "Gather", "DepthToSpace", "Expand", "ReduceMean", "ReduceL2", "ReduceMax",
    "InstanceNormalization", "GroupNormalization", "LayerNormalization",
)  # fmt: skip
CASES = [
    pytest.param(name, case, block, layout, id=f"{name}-{i}-{layout}{block}")
    for names, layout, blocks in ((BLOCKED, "blocked", (16, 4)), (PLAIN, "plain", (16,)))
    for block in blocks
    for name in names
    for i, case in enumerate(operators()[name].cases)
    if name != "Resize" or i % 4 == 0
]


def call_of(name: str, case: Case, arrays: list[Any], block: int, layout: Layout) -> Call:
    """The call as the engine would make it for data that lies in a layout."""
    op = operators()[name]
    specs = [None if a is None else Spec(a.shape, a.dtype, block=block) for a in arrays]
    constants = {i: arrays[i] for i in case.constant}
    counted = {"num_outputs": case.outputs} if op.outputs is None else {}
    inferred = op.infer(dict(case.attributes) | counted, specs, constants, OPSET)
    assert inferred is not None
    attributes, outputs = inferred
    kept = slice(op.data)
    given = {i: value for i, value in constants.items() if i in range(len(specs))[kept]}
    lying = tuple(s and replace(s, layout=layout if len(s.shape) == 4 else "plain") for s in specs[kept])
    made = tuple(replace(spec, block=block) for spec in outputs)
    call = Call(name, attributes, lying, made, given)
    wanted = op.layouts(call)
    return replace(
        call,
        inputs=tuple(s and replace(s, layout=w) for s, w in zip(lying, wanted[0], strict=True)),
        outputs=tuple(replace(s, layout=w) for s, w in zip(made, wanted[1], strict=True)),
    )


@pytest.mark.parametrize("simt", [False, True])
@pytest.mark.parametrize(("name", "case", "block", "layout"), CASES)
def test_case(name: str, case: Case, block: int, layout: Layout, simt: bool, random: np.random.Generator) -> None:
    proto, frame = of_case(name, case, random)
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer} | frame
    arrays = [values.get(f"x{i}") for i in range(len(case.shapes))]
    call = call_of(name, case, arrays, block, layout)
    lower = operators()[name].gpu
    assert lower is not None
    got = run(lower, call, arrays[: len(call.inputs)], target(simt))
    for output, want in zip(got, truth(proto, frame).values(), strict=True):
        close(output, want)
