"""Op: what one operator is: its shapes, its reference, and how each device computes it.

The engine describes one use of an operator as a `Call` and asks the operator to lower it for a
device. A lowering is plain data, steps over operands, which the engine binds to memory; kernels
never allocate, and never see a graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from kernels.cpu.target import CpuTarget
    from kernels.opencl.target import GpuTarget

Layout = Literal["plain", "blocked"]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Spec:
    """A tensor as a kernel sees it.

    `shape` is always ONNX's (N, C, H, W for images). A plain tensor is stored row-major. A blocked
    one is stored as [N][ceil(C / block)][H][W][block]; lanes beyond C hold finite numbers that
    nobody may rely on. `batch_stride`, in elements, is the distance between two images: larger
    than one image where the tensor is a slice of a concatenation's output.
    """

    shape: Shape
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float32))
    layout: Layout = "plain"
    block: int = 16
    batch_stride: int | None = None

    @property
    def blocks(self) -> int:
        """Channel blocks of one image, ceil(C / block)."""
        return -(-self.shape[1] // self.block)

    @property
    def stored(self) -> Shape:
        """Shape as it lies in memory."""
        if self.layout == "plain":
            return self.shape
        n, _, h, w = self.shape
        return (n, self.blocks, h, w, self.block)

    @property
    def size(self) -> int:
        """Elements stored, padding lanes included."""
        return prod(self.stored)

    @property
    def nbytes(self) -> int:
        """Bytes stored, padding lanes included."""
        return self.size * self.dtype.itemsize

    @property
    def stride(self) -> int:
        """Elements from one image to the next."""
        if self.batch_stride is not None:
            return self.batch_stride
        return prod(self.stored[1:])


@dataclass(frozen=True)
class Call:
    """One use of an operator: everything a lowering may look at.

    `inputs` holds None for an optional input left out. `constants` maps an input's position to its
    value where that is known before running, always in ONNX's layout.
    """

    op: str
    attributes: Mapping[str, Any]
    inputs: tuple[Spec | None, ...]
    outputs: tuple[Spec, ...]
    constants: Mapping[int, np.ndarray[Any, Any]] = field(default_factory=dict)

    def given(self, position: int) -> Spec | None:
        """The input at a position, None where it is left out."""
        return self.inputs[position] if position < len(self.inputs) else None

    def need(self, position: int) -> Spec:
        """The input at a position, which must be there."""
        spec = self.given(position)
        if spec is None:
            raise ValueError(f"{self.op}: input {position} is missing")
        return spec


@dataclass(frozen=True)
class Operand:
    """Memory a step works on: an input, an output or a scratch area by position, a constant, or none (address 0).

    A private operand is as many bytes as `index` says for each thread of a CPU: what a task left there, others find.
    """

    kind: Literal["input", "output", "scratch", "private", "constant", "absent"]
    index: int = 0
    array: np.ndarray[Any, Any] | None = field(default=None, compare=False)


def read(position: int) -> Operand:
    """The call's input at a position."""
    return Operand("input", position)


def write(position: int = 0) -> Operand:
    """The call's output at a position."""
    return Operand("output", position)


def scratch(position: int = 0) -> Operand:
    """Scratch memory at a position of `Lowering.scratch`."""
    return Operand("scratch", position)


def private(nbytes: int) -> Operand:
    """Memory that each thread has to itself while it does a task, at least so many bytes."""
    return Operand("private", -(-nbytes // 64) * 64)


def constant(array: np.ndarray[Any, Any]) -> Operand:
    """An array packed at load time, kept as it is (C order)."""
    return Operand("constant", array=np.ascontiguousarray(array))


ABSENT = Operand("absent")


def operand(call: Call, position: int) -> Operand:
    """The call's input at a position, or its value where that is known."""
    return constant(call.constants[position]) if position in call.constants else read(position)


@dataclass(frozen=True)
class CpuStep:
    """One command of the CPU: a compiled kernel run once per task, tasks in any order.

    `kernel` is the address of a function (args: int64*, task: int64). `args` holds the operands'
    addresses, in order, then `numbers`; a float number is stored as the bits of a float64. The last
    `chained` operands, a fused chain's, stand behind the numbers instead, and zero where there are none.
    """

    kernel: int
    operands: tuple[Operand, ...]
    numbers: tuple[int | float, ...] = ()
    tasks: int = 1
    name: str = ""
    chained: int = 0


@dataclass(frozen=True)
class GpuStep:
    """One launch on an OpenCL device.

    The kernel takes, for each operand, a `__global` pointer and an `int` offset in elements from
    it, then the numbers: `int` for a Python int, `float` for a Python float. `defines` and
    `source` make the program; both come from this package alone, never from a model.

    With `table`, the kernel takes a pointer for each operand, then an `int` table. That has how many jobs
    it holds, one int a job, the work-groups up to its end, and then one row a job: its groups along the
    first and the second axis, the operands' offsets, the numbers (a float as its bits). The launch has one
    axis, on which the jobs' groups follow each other. Steps that agree in kernel and memory and need nothing
    of each other are then jobs of one launch.
    """

    source: str
    kernel: str
    operands: tuple[Operand, ...]
    numbers: tuple[int | float, ...]
    global_size: tuple[int, ...]
    local_size: tuple[int, ...] | None = None
    defines: tuple[tuple[str, int | str], ...] = ()
    table: bool = False


@dataclass(frozen=True)
class HostStep:
    """A Python function on host arrays, for operators that have no kernel.

    `function` gets the operands' arrays, inputs first, plain, as `specs` says, and fills the outputs.
    """

    function: Callable[..., None]
    operands: tuple[Operand, ...]
    specs: tuple[Spec, ...]
    name: str = ""


@dataclass(frozen=True)
class CpuLowering:
    """Steps in order, and the bytes of each scratch area they share."""

    steps: tuple[CpuStep | HostStep, ...]
    scratch: tuple[int, ...] = ()


@dataclass(frozen=True)
class GpuLowering:
    """Launches in order, and the bytes of each scratch area they share."""

    steps: tuple[GpuStep, ...]
    scratch: tuple[int, ...] = ()


@dataclass(frozen=True)
class Case:
    """One test and benchmark case: a one-node model of the newest opset.

    `shapes` are the inputs', None for one left out; `constant` names the positions that are weights,
    `given` replaces random values, which lie between `low` and `high`. `outputs` counts those the node has.
    """

    attributes: Mapping[str, Any]
    shapes: tuple[Shape | None, ...]
    constant: tuple[int, ...] = ()
    given: Mapping[int, np.ndarray[Any, Any]] = field(default_factory=dict, compare=False)
    low: float = -1.0
    high: float = 1.0
    outputs: int = 1


Layouts = tuple[tuple[Layout, ...], tuple[Layout, ...]]
Inferred = tuple[dict[str, Any], list[Spec]]


def plain(call: Call) -> Layouts:
    """Everything plain."""
    layout: Layout = "plain"
    return (layout,) * len(call.inputs), (layout,) * len(call.outputs)


def no_flops(call: Call) -> int:
    """What operators do that only move numbers."""
    return 0


@dataclass(frozen=True)
class Op:
    """An operator under ONNX's own name and attribute names.

    infer     (attributes, inputs, constants, opset) -> (attributes, outputs), or None where no kernel
              serves, and onnx.reference will run the node as it came. The attributes returned are
              complete: defaults filled in, whatever the opset, parameters given as inputs among them.
    data      how many leading inputs are data; the rest are parameters, which must be constants.
              None: all are data.
    layouts   the layouts a call wants for its inputs and gives its outputs; the call carries the
              layouts its inputs have now.
    cpu, gpu  lowerings. The CPU's serves whatever `infer` accepts; the GPU's may return None.
    outputs   how many outputs a kernel gives. None: as many as the node has, which `infer` finds as the
              attribute `num_outputs`.
    alias     whether the output may be the input's memory under another shape.
    flops     floating-point operations of a call.
    cases     what tests and benchmarks run, on every device.
    """

    name: str
    infer: Callable[[dict[str, Any], Sequence[Spec | None], Mapping[int, Any], int], Inferred | None]
    cpu: Callable[[Call, CpuTarget], CpuLowering | None]
    gpu: Callable[[Call, GpuTarget], GpuLowering | None] | None = None
    data: int | None = None
    outputs: int | None = 1
    layouts: Callable[[Call], Layouts] = plain
    alias: bool = False
    flops: Callable[[Call], int] = no_flops
    cases: tuple[Case, ...] = ()
