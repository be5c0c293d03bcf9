"""Program: a stage of the network on one device: its operators lowered, ready to be bound to memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import prod
from typing import Any

from engine.devices.device import Bound, Device, Memory, Recording
from engine.graph import Graph, Node
from engine.progress import tell
from engine.reference import evaluator
from engine.storage import Place, places
from engine.waves import Range, waves
from kernels.op import Call, CpuLowering, GpuLowering, HostStep, Operand, Spec, read, write
from kernels.ops import operators


@dataclass(frozen=True)
class Area:
    """Memory a program needs while it runs: bytes, and the first and last wave that touch it."""

    name: str
    nbytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Step:
    """A lowered step, its own operands left out: which node it belongs to, where they lie, and the wave it runs in.

    An operand is an area's name, an offset and a thread's share of it in bytes, or memory that is there already.
    """

    node: str
    step: Any
    operands: tuple[tuple[str, int, int] | Memory, ...]
    wave: int


@dataclass(frozen=True)
class Program:
    """Steps in order, wave by wave.

    `areas` come from an arena; `border` names the tensors that live outside, with their bytes.
    """

    device: Device
    nodes: tuple[Node, ...]
    steps: tuple[Step, ...]
    areas: tuple[Area, ...]
    border: Mapping[str, int]

    def bind(self, memory: Callable[[str], Memory], slot: int = 0) -> Recording:
        """A recording on the memory that `memory` gives for every area and border tensor, which are a slot's."""
        bound = []
        for step in self.steps:
            found = []
            for operand in step.operands:
                if isinstance(operand, Memory):
                    found.append(operand)
                else:
                    name, offset, each = operand
                    base = memory(name)
                    found.append(Memory(base.base, base.offset + offset, each))
            bound.append(Bound(step.step, tuple(found), step.wave))
        return self.device.record(bound, slot)


class NoKernelError(NotImplementedError):
    """A device has no kernel for a node that was placed on it."""


def can_run(graph: Graph, node: Node, device: Device) -> bool:
    """Whether the device has a kernel for the node; the CPU runs everything."""
    if device.kind == "cpu":
        return True
    return node.proto is None and device.lower(operators()[node.op], graph.call(node)) is not None


def compile_stage(graph: Graph, nodes: Sequence[Node], device: Device, outside: set[str]) -> Program:
    """Lower the nodes for the device. `outside` names the tensors that cross the stage's border.

    Raises NoKernelError where the device cannot run one of them.
    """
    place = places(graph, nodes, outside)
    together = device.kind == "gpu"  # its constants are uploaded together, the CPU's as they come
    constants: list[Any] = []
    drafts: list[_Draft] = []
    for done, node in enumerate(nodes):
        tell(f"compiling for {device.name}", done, len(nodes))
        call = _call(graph, node, place)
        if _is_alias(node, place):
            continue
        lowered = _lower(graph, node, device, call)
        arrays = {id(o): o.array for step in lowered.steps for o in step.operands if o.array is not None}
        memory: dict[int, Memory | int]
        if together:
            memory = dict(zip(arrays, count(len(constants)), strict=False))
            constants += arrays.values()
        else:
            memory = dict(zip(arrays, device.upload_all(list(arrays.values())), strict=True))
        for step in lowered.steps:
            operands = tuple(
                _touched(node, call, lowered.scratch, device.workers, operand, place)
                or memory.get(id(operand), Memory(None))
                for operand in step.operands
            )
            drafts.append(_Draft(node.name, replace(step, operands=()), operands))
    tell(f"compiling for {device.name}", len(nodes), len(nodes))
    uploaded = device.upload_all(constants)
    order = _waves(drafts, outside) if together else range(len(drafts))
    steps = [
        Step(draft.node, draft.step, tuple(_located(operand, uploaded) for operand in draft.operands), wave)
        for wave, draft in sorted(zip(order, drafts, strict=True), key=lambda each: each[0])
    ]
    return Program(device, tuple(nodes), tuple(steps), *_memory(zip(order, drafts, strict=True), outside))


@dataclass(frozen=True)
class _Draft:
    """A step before its wave is known: its operands are the bytes they touch, memory, or constants by number."""

    node: str
    step: Any
    operands: tuple[Range | Memory | int, ...]

    @property
    def touched(self) -> list[Range]:
        """Bytes in areas."""
        return [operand for operand in self.operands if isinstance(operand, Range)]


def _located(operand: Range | Memory | int, uploaded: Sequence[Memory]) -> tuple[str, int, int] | Memory:
    if isinstance(operand, Range):
        return operand.area, operand.first, operand.each
    return uploaded[operand] if isinstance(operand, int) else operand


def _touched(
    node: Node, call: Call, scratch: Sequence[int], workers: int, operand: Operand, place: Mapping[str, Place]
) -> Range | None:
    """The bytes of an operand."""
    if operand.kind == "scratch":
        nbytes = scratch[operand.index]
        return Range(f"{node.name}#{operand.index}", 0, nbytes, nbytes, written=True)
    if operand.kind == "private":
        nbytes = operand.index * workers
        return Range(f"{node.name}#private", 0, nbytes, nbytes, written=True, each=operand.index)
    if operand.kind == "input":
        name, spec, written = node.inputs[operand.index], call.need(operand.index), False
    elif operand.kind == "output":
        name, spec, written = node.outputs[operand.index], call.outputs[operand.index], True
    else:
        return None
    there, size = place[name], spec.dtype.itemsize
    if there.stride is None:
        return Range(there.root, there.offset * size, spec.nbytes, spec.nbytes, None, written)
    length, stride = prod(spec.stored[1:]) * size, there.stride * size
    extent = (spec.shape[0] - 1) * stride + length
    return Range(there.root, there.offset * size, length, extent, stride, written)


def _waves(drafts: Sequence[_Draft], outside: set[str]) -> list[int]:
    """The steps' waves: those that take a table agree where kernel and memory do."""

    def base(operand: Range | Memory | int) -> str:
        return (operand.area if operand.area in outside else "arena") if isinstance(operand, Range) else "constants"

    def kind(draft: _Draft) -> Any:
        step = draft.step
        if not getattr(step, "table", False):
            return None
        return (step.source, step.kernel, step.defines, step.local_size, *map(base, draft.operands))

    return waves([draft.touched for draft in drafts], [kind(draft) for draft in drafts])


def _memory(drafts: Iterable[tuple[int, _Draft]], outside: set[str]) -> tuple[tuple[Area, ...], dict[str, int]]:
    """The areas with their lifetimes, and the bytes of the tensors that live outside."""
    sizes: dict[str, int] = {}
    used: dict[str, list[int]] = {}
    for wave, draft in drafts:
        for each in draft.touched:
            sizes[each.area] = max(sizes.get(each.area, 0), each.first + each.extent)
            used.setdefault(each.area, []).append(wave)
    border = {name: size for name, size in sizes.items() if name in outside}
    areas = (Area(name, size, min(used[name]), max(used[name])) for name, size in sizes.items() if name not in outside)
    return tuple(areas), border


def _lower(graph: Graph, node: Node, device: Device, call: Call) -> CpuLowering | GpuLowering:
    lowered: CpuLowering | GpuLowering | None = None
    if node.proto is None:
        lowered = device.lower(operators()[node.op], call)
    elif device.kind == "cpu":
        lowered = CpuLowering((_host(graph, node),))
    if lowered is None:
        raise NoKernelError(f"{device.name} has no kernel for {node.op} node {node.name!r}")
    return lowered


def _is_alias(node: Node, place: Mapping[str, Place]) -> bool:
    """Whether the output lies where the input lies already."""
    if node.proto is not None or not (node.op == "Reorder" or operators()[node.op].alias):
        return False
    x, y = place[node.inputs[0]], place[node.outputs[0]]
    return (x.root, x.offset) == (y.root, y.offset)


def _call(graph: Graph, node: Node, place: Mapping[str, Place]) -> Call:
    """The node's call with its tensors' strides, and with what lies in place already."""
    call = graph.call(node)

    def placed(name: str, spec: Spec | None) -> Spec | None:
        return spec if spec is None else replace(spec, batch_stride=place[name].stride)

    inputs = tuple(placed(*pair) for pair in zip(node.inputs, call.inputs, strict=True))
    outputs = tuple(
        replace(spec, batch_stride=place[name].stride) if name else spec
        for name, spec in zip(node.outputs, call.outputs, strict=True)
    )
    attributes = dict(call.attributes)
    if node.op == "Concat" and node.proto is None:
        attributes["in_place"] = _in_place(call, node, place)
    return replace(call, inputs=inputs, outputs=outputs, attributes=attributes)


def _in_place(call: Call, node: Node, place: Mapping[str, Place]) -> tuple[bool, ...]:
    """Which inputs of a concatenation lie where they belong in its output."""
    y, axis = call.outputs[0], call.attributes["axis"]
    whole, start, found = place[node.outputs[0]], 0, []
    for i, name in enumerate(node.inputs):
        belongs = Place(whole.root, whole.offset + start * prod(y.shape[axis + 1 :]), place[name].stride)
        found.append(place[name] == belongs and i not in call.constants)
        start += call.need(i).shape[axis]
    return tuple(found)


def _host(graph: Graph, node: Node) -> HostStep:
    """A node without a kernel: the reference, on arrays that lie where the tensors lie."""
    run = evaluator(node.proto, node.opset)
    constants = {i: value for i, name in enumerate(node.inputs) if (value := graph.value(name)) is not None}
    given = [i for i, name in enumerate(node.inputs) if name and i not in constants]
    wanted = [i for i, name in enumerate(node.outputs) if name]

    def function(*arrays: Any) -> None:
        values: list[Any] = [constants.get(i) for i in range(len(node.inputs))]
        for i, array in zip(given, arrays, strict=False):
            values[i] = array
        # onnx.reference returns the outputs that have a name, in order.
        for array, value in zip(arrays[len(given) :], run(values), strict=True):
            array[...] = value

    specs = [graph.spec(node.inputs[i]) for i in given] + [graph.spec(node.outputs[i]) for i in wanted]
    operands = [read(i) for i in given] + [write(i) for i in wanted]
    return HostStep(function, tuple(operands), tuple(specs), node.op)
