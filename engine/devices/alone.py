"""Alone: one operator on memory of its own, to be tried, compared and timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from engine.devices.device import Bound, Device, Memory
from kernels.op import Call, CpuLowering, GpuLowering, Operand, Spec

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-4  # of the largest number: what Winograd's transforms may lose


class Alone:
    """A lowering bound to memory: inputs as given, outputs of so many bytes, zero at first."""

    def __init__(
        self, device: Device, lowering: CpuLowering | GpuLowering, inputs: Mapping[int, Array], outputs: Sequence[int]
    ) -> None:
        self._device, self._sizes = device, outputs
        self._inputs = {position: Memory(device.upload(array)) for position, array in inputs.items()}
        self._outputs = [Memory(device.upload(np.zeros(nbytes, np.uint8))) for nbytes in outputs]
        self._scratch = [Memory(device.allocate(nbytes)) for nbytes in lowering.scratch]
        self._constants: dict[int, Memory] = {}
        self.bound = [Bound(step, tuple(map(self._memory, step.operands))) for step in lowering.steps]

    def _memory(self, operand: Operand) -> Memory:
        if operand.kind == "input":
            return self._inputs[operand.index]
        if operand.kind == "output":
            return self._outputs[operand.index]
        if operand.kind == "scratch":
            return self._scratch[operand.index]
        if operand.kind == "private":
            return Memory(self._device.allocate(operand.index * self._device.workers), each=operand.index)
        if operand.array is None:
            return Memory(None)
        if id(operand) not in self._constants:
            self._constants[id(operand)] = Memory(self._device.upload(operand.array))
        return self._constants[id(operand)]

    def outputs(self) -> list[Array]:
        """The outputs' bytes as they are now."""
        pairs = zip(self._outputs, self._sizes, strict=True)
        return [self._device.download(memory.base, nbytes) for memory, nbytes in pairs]

    def run(self) -> list[Array]:
        """Run once; the outputs' bytes."""
        recording = self._device.record(self.bound)
        recording.start()
        recording.wait()
        return self.outputs()


def extent(spec: Spec) -> int:
    """Bytes from a tensor's first number to its last, gaps between images included."""
    images = spec.shape[0] if spec.batch_stride is not None else 1
    return ((images - 1) * spec.stride + spec.size // max(images, 1)) * spec.dtype.itemsize


def noise(call: Call) -> dict[int, Array]:
    """Something for every input to hold, as it is stored: its constant, or seeded noise (zeros where not a float)."""
    random = np.random.default_rng(0)
    inputs = {}
    for position, spec in enumerate(call.inputs):
        if spec is None:
            continue
        if position in call.constants:
            inputs[position] = np.asarray(call.constants[position], spec.dtype)
            continue
        count = extent(spec) // spec.dtype.itemsize
        drawn = random.uniform(-1, 1, count) if spec.dtype.kind == "f" else np.zeros(count)
        inputs[position] = drawn.astype(spec.dtype)
    return inputs


def values(spec: Spec, stored: Array) -> Array:
    """A tensor's numbers in ONNX's layout, from the bytes that `extent` counts."""
    flat = stored.view(spec.dtype)
    if spec.batch_stride is not None:
        size = prod(spec.stored[1:])
        flat = np.concatenate([flat[i * spec.stride :][:size] for i in range(spec.shape[0])])
    array = flat.reshape(spec.stored)
    if spec.layout == "plain":
        return array
    n, channels, height, width = spec.shape
    return array.transpose(0, 1, 4, 2, 3).reshape(n, -1, height, width)[:, :channels]


def agree(specs: Sequence[Spec], one: Sequence[Array], other: Sequence[Array]) -> bool:
    """Whether one run's outputs hold the other's numbers, to within TOLERANCE of the largest.

    Where the other has none, as for the logarithm of noise below zero, anything will do.
    """
    for spec, a, b in zip(specs, one, other, strict=True):
        left, right = (values(spec, stored).astype(np.float64) for stored in (a, b))
        known = np.isfinite(right)
        largest = np.abs(right[known]).max(initial=1e-30)
        if not np.abs(left[known] - right[known]).max(initial=0) <= TOLERANCE * largest:
            return False
    return True
