"""Branches: convolutions that others can accompany say so, for kernels that can share a launch."""

from __future__ import annotations

from collections import Counter

from engine.graph import Graph, Node

CONVOLUTIONS = ("Conv", "Separable")


def accompany(graph: Graph) -> Graph:
    """Mark every one of CONVOLUTIONS that has another at the same depth, the most operators on a way from an input."""
    depths: dict[str, int] = {}
    for node in graph.nodes:
        depth = 1 + max((depths.get(name, 0) for name in node.inputs), default=0)
        depths.update((name, depth) for name in node.outputs)

    def place(node: Node) -> tuple[str, int]:
        return node.op, depths[node.outputs[0]]

    counts = Counter(place(node) for node in graph.nodes if node.op in CONVOLUTIONS)
    return graph.changed(
        node.with_attributes(accompanied=True) if counts[place(node)] > 1 else node for node in graph.nodes
    )
