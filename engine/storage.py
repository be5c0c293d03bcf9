"""Storage: which tensors of a stage share memory, so that reshapes and concatenations copy nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from engine.graph import Graph, Node
from kernels.op import Spec
from kernels.ops import operators


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: elements behind the beginning of another tensor, its root.

    `stride` is the distance between images, None where they lie close together.
    """

    root: str
    offset: int = 0
    stride: int | None = None


def free_reorder(x: Spec, y: Spec) -> bool:
    """Whether both layouts are the same bytes: images of one pixel whose channels fill the blocks."""
    n, c, h, w = x.shape
    block = max(x.block, y.block)
    # A single blocked image of one pixel begins with its channels, whatever the lanes behind them hold.
    return h * w == 1 and (c % block == 0 or (n == 1 and x.layout == "blocked"))


def _same_bytes(graph: Graph, node: Node) -> bool:
    if node.proto is not None:
        return False
    if node.op == "Reorder":
        return free_reorder(graph.spec(node.inputs[0]), graph.spec(node.outputs[0]))
    return operators()[node.op].alias


def places(graph: Graph, nodes: Sequence[Node], outside: set[str]) -> dict[str, Place]:
    """Where every tensor that the nodes touch lies.

    Tensors in `outside` cross the stage's border: each is a root of its own, and never moves into
    another. A chain of concatenations ends up in the last one's memory.
    """
    inside = {name for node in nodes for name in node.outputs if name} - outside
    parent: dict[str, tuple[str, int]] = {}
    dense: set[str] = set()  # tensors seen under two shapes: their images must lie close together

    def concat_inputs(node: Node) -> list[tuple[str, int]]:
        """Inputs that may lie in the output from the start, and where, in elements."""
        y, axis = graph.spec(node.outputs[0]), node.attributes["axis"]
        found, start = [], 0
        for i, name in enumerate(node.inputs):
            x = graph.spec(name)
            last = i == len(node.inputs) - 1
            if y.layout == "blocked":
                fits = start % y.block == 0 and (x.shape[1] % y.block == 0 or last)
                strided = x.shape[0] > 1
            else:
                fits, strided = prod(x.shape[:axis]) == 1, False
            once = node.inputs.count(name) == 1
            free = name in inside and name not in parent and not (strided and name in dense)
            if fits and once and free:
                found.append((name, start * prod(y.shape[axis + 1 :])))
            start += x.shape[axis]
        return found

    for node in nodes:
        if _same_bytes(graph, node):
            x, y = node.inputs[0], node.outputs[0]
            if graph.value(x) is not None:
                continue
            strided = _stride(graph, parent, x) is not None and graph.spec(x).shape[0] > 1
            if y in inside and not strided:
                parent[y] = (x, 0)
            elif y in outside and x in inside and x not in parent and y != x:
                parent[x] = (y, 0)
            dense.update((x, y))
    for node in nodes:
        if node.proto is None and node.op == "Concat":
            for name, offset in concat_inputs(node):
                if _root(parent, node.outputs[0])[0] != name:
                    parent[name] = (node.outputs[0], offset)
    result = {}
    for name in dict.fromkeys(n for node in nodes for n in (*node.inputs, *node.outputs) if n):
        root, offset = _root(parent, name)
        result[name] = Place(root, offset, _stride(graph, parent, name))
    return result


def _root(parent: dict[str, tuple[str, int]], name: str) -> tuple[str, int]:
    offset = 0
    while name in parent:
        name, step = parent[name]
        offset += step
    return name, offset


def _stride(graph: Graph, parent: dict[str, tuple[str, int]], name: str) -> int | None:
    """Distance between images where a tensor lies in a blocked concatenation's output."""
    root = _root(parent, name)[0]
    own, whole = graph.spec(name), graph.spec(root)
    if root == name or own.layout != "blocked" or whole.layout != "blocked" or own.shape == whole.shape:
        return None
    return whole.stride
