"""View: a graph while its nodes are rewritten."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.formats.onnx import constant
from engine.graph import Graph, Node, Tensor
from kernels.op import Call, Spec

Array = np.ndarray[Any, Any]


class View:
    """The graph while its nodes are rewritten: who makes a tensor, and how many read it."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.made = graph.producers()
        self.readers = {name: len(nodes) for name, nodes in graph.consumers().items()}
        self.new: dict[str, Tensor] = {}
        self._ahead: list[Node] = []

    def value(self, name: str) -> Array | None:
        """A constant's value."""
        tensor = self.new.get(name) or self.graph.tensors.get(name)
        return None if tensor is None else tensor.value

    def before(self, name: str) -> Node | None:
        """The node that makes a tensor which nobody else needs."""
        node = self.made.get(name)
        alone = self.readers.get(name) == 1 and name not in self.graph.outputs
        return node if alone and node is not None and node.proto is None else None

    def keep(self, name: str, value: Array) -> str:
        """A further constant; returns its name, made unique."""
        name = self._unique(name)
        self.new[name] = constant(name, value)
        return name

    def forget(self, name: str) -> None:
        """A constant that no node reads any more: if `keep` made it, its memory is free from now on."""
        self.new.pop(name, None)

    def spec(self, name: str) -> Spec:
        """A tensor's spec, which must be known."""
        found = self.new.get(name)
        return self.graph.spec(name) if found is None or found.spec is None else found.spec

    def call(self, node: Node) -> Call:
        """What the node's operator may look at."""
        constants = {i: value for i, name in enumerate(node.inputs) if name and (value := self.value(name)) is not None}
        inputs = tuple(self.spec(name) if name else None for name in node.inputs)
        return Call(node.op, node.attributes, inputs, tuple(map(self.spec, node.outputs)), constants)

    def make(self, name: str, spec: Spec) -> str:
        """A further tensor; returns its name, made unique."""
        name = self._unique(name)
        self.new[name] = Tensor(name, spec)
        return name

    def insert(self, node: Node) -> None:
        """A further node, which is to stand in front of the one that a rule makes."""
        self._ahead.append(node)
        self.made[node.outputs[0]] = node

    def inserted(self) -> list[Node]:
        """The nodes inserted since this was last asked."""
        ahead, self._ahead = self._ahead, []
        return ahead

    def _unique(self, name: str) -> str:
        while name in self.graph.tensors or name in self.new:
            name += "_"
        return name
