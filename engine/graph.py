"""Graph: a network as nodes in the order they run, and the tensors between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kernels.op import Call, Spec
from kernels.ops import operators


@dataclass(frozen=True)
class Tensor:
    """A value: `spec` once it is known, `value` where it is constant."""

    name: str
    spec: Spec | None = None
    value: np.ndarray[Any, Any] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Node:
    """One use of an operator.

    `inputs` holds "" for an optional input left out. `proto` is the ONNX node of an operator that
    has no kernel and is run by the reference; a node without it is in our own complete form.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    opset: int = 0
    proto: Any = field(default=None, compare=False)

    def with_attributes(self, **attributes: Any) -> Node:
        """The same node with some attributes set."""
        return replace(self, attributes={**self.attributes, **attributes})


class GraphError(ValueError):
    """The graph breaks a rule; the message names the pass, the node and the tensor."""


@dataclass(frozen=True)
class Graph:
    """Nodes in an order in which they can run. Passes make new graphs and leave the old ones alone."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    tensors: dict[str, Tensor]

    def spec(self, name: str) -> Spec:
        """A tensor's spec, which must be known."""
        spec = self.tensors[name].spec
        if spec is None:
            raise GraphError(f"{self.name}: the shape of tensor {name!r} is not known")
        return spec

    def value(self, name: str) -> np.ndarray[Any, Any] | None:
        """A constant's value, None for what is computed."""
        return self.tensors[name].value if name else None

    def producers(self) -> dict[str, Node]:
        """The node that makes each tensor."""
        return {output: node for node in self.nodes for output in node.outputs if output}

    def consumers(self) -> dict[str, list[Node]]:
        """The nodes that read each tensor."""
        found: dict[str, list[Node]] = {name: [] for name in self.tensors}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                if name:
                    found[name].append(node)
        return found

    def call(self, node: Node) -> Call:
        """What the node's operator may look at."""
        constants = {i: v for i, name in enumerate(node.inputs) if (v := self.value(name)) is not None}
        inputs = tuple(self.spec(name) if name else None for name in node.inputs)
        outputs = tuple(self.spec(name) if name else Spec(()) for name in node.outputs)
        return Call(node.op, node.attributes, inputs, outputs, constants)

    def changed(self, nodes: Iterable[Node], new: Iterable[Tensor] = ()) -> Graph:
        """A graph with other nodes and further tensors; tensors that nobody uses any more are dropped."""
        kept = tuple(nodes)
        tensors = self.tensors | {tensor.name: tensor for tensor in new}
        used = {*self.inputs, *self.outputs, *(n for node in kept for n in (*node.inputs, *node.outputs))}
        return replace(self, nodes=kept, tensors={k: v for k, v in tensors.items() if k in used})

    def without_weights(self) -> Graph:
        """The graph for those who only look at it: constants keep their specs, and lose their values.

        It cannot be compiled again. Outputs that are constant stay as they are.
        """
        tensors = {
            name: tensor if name in self.outputs else replace(tensor, value=None)
            for name, tensor in self.tensors.items()
        }
        return replace(self, tensors=tensors)


def check(graph: Graph, after: str = "") -> Graph:
    """Return the graph if it keeps the rules, else raise GraphError.

    Every tensor is made once and before it is read, constants and inputs by nobody; node names are
    unique; every operator is known or carries its ONNX node; outputs exist.
    """

    def fail(problem: str) -> None:
        raise GraphError(f"{graph.name}: {problem}" + (f" (after {after})" if after else ""))

    names = Counter(node.name for node in graph.nodes)
    if names and max(names.values()) > 1:
        fail(f"node name {names.most_common(1)[0][0]!r} is not unique")
    known = set(graph.inputs) | {name for name, tensor in graph.tensors.items() if tensor.value is not None}
    for node in graph.nodes:
        if node.proto is None and node.op not in operators():
            fail(f"node {node.name!r} uses the unknown operator {node.op!r}")
        for name in node.inputs:
            if name and name not in known:
                fail(f"node {node.name!r} reads tensor {name!r} before it is made")
        for name in node.outputs:
            if not name:
                continue
            if name in known:
                fail(f"tensor {name!r} is made again by node {node.name!r}")
            if name not in graph.tensors:
                fail(f"node {node.name!r} makes the undeclared tensor {name!r}")
            known.add(name)
    for name in graph.outputs:
        if name not in known:
            fail(f"output {name!r} is never made")
    return graph
