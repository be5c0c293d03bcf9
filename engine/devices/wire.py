"""Wire: a lowering with its inputs in words of JSON, and back; arrays travel as base64 of their bytes."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernels.op import GpuLowering, GpuStep, Operand

Array = np.ndarray[Any, Any]


def request(
    device: str, driver: str, lowering: GpuLowering, inputs: Mapping[int, Array], outputs: Sequence[int]
) -> dict[str, Any]:
    """What the child is asked: to run the lowering there; `outputs` are sizes in bytes."""
    return {
        "device": device,
        "driver": driver,
        "steps": list(map(_step_words, lowering.steps)),
        "scratch": lowering.scratch,
        "inputs": {str(position): encode(array) for position, array in inputs.items()},
        "outputs": list(outputs),
    }


def lowering(asked: Mapping[str, Any]) -> GpuLowering:
    """The request's lowering."""
    return GpuLowering(tuple(map(_step, asked["steps"])), tuple(asked["scratch"]))


def encode(array: Array) -> str:
    """An array's bytes as text."""
    return b64encode(np.ascontiguousarray(array).tobytes()).decode()


def decode(text: str) -> Array:
    """The bytes again."""
    return np.frombuffer(b64decode(text), np.uint8)


def _step_words(step: GpuStep) -> dict[str, Any]:
    return {
        "source": step.source,
        "kernel": step.kernel,
        "operands": [[o.kind, o.index, None if o.array is None else encode(o.array)] for o in step.operands],
        "numbers": step.numbers,
        "global_size": step.global_size,
        "local_size": step.local_size,
        "defines": step.defines,
        "table": step.table,
    }


def _step(words: Mapping[str, Any]) -> GpuStep:
    made = [Operand(kind, index, None if text is None else decode(text)) for kind, index, text in words["operands"]]
    return GpuStep(
        words["source"],
        words["kernel"],
        tuple(made),
        tuple(words["numbers"]),
        tuple(words["global_size"]),
        words["local_size"] and tuple(words["local_size"]),
        tuple((name, value) for name, value in words["defines"]),
        words["table"],
    )
