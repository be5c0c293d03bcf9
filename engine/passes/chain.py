"""Chains of concatenations: one that begins with all that another has joined takes that one's output."""

from __future__ import annotations

from dataclasses import replace

from engine.graph import Graph, Node


def chain(graph: Graph) -> Graph:
    """Join [a, b, c] as [[a, b], c] where [a, b] is there: then nothing is joined twice, and all can lie in place.

    Densely connected networks are written so: every layer joins the outputs of all layers before it.
    """
    joined: dict[tuple[int, tuple[str, ...]], str] = {}

    def shortened(node: Node) -> Node:
        axis, inputs = node.attributes["axis"], node.inputs
        before = (joined.get((axis, inputs[:count])) for count in range(len(inputs) - 1, 1, -1))
        found = [(name, inputs[-rest:]) for rest, name in enumerate(before, 1) if name is not None]
        joined[axis, inputs] = node.outputs[0]
        return replace(node, inputs=(found[0][0], *found[0][1])) if found else node

    joins = (node.op == "Concat" and node.proto is None for node in graph.nodes)
    return graph.changed(shortened(node) if join else node for node, join in zip(graph.nodes, joins, strict=True))
