"""Branches: convolutions that others can accompany say so, for kernels that can share a launch."""

from __future__ import annotations

from collections import Counter

from engine.graph import Graph, Node


def accompany(graph: Graph) -> Graph:
    """Mark every Conv that has another one at the same depth, the most operators on a way from an input."""
    depths: dict[str, int] = {}
    for node in graph.nodes:
        depth = 1 + max((depths.get(name, 0) for name in node.inputs), default=0)
        depths.update((name, depth) for name in node.outputs)

    def depth_of(node: Node) -> int:
        return depths[node.outputs[0]]

    counts = Counter(depth_of(node) for node in graph.nodes if node.op == "Conv")
    return graph.changed(
        node.with_attributes(accompanied=True) if node.op == "Conv" and counts[depth_of(node)] > 1 else node
        for node in graph.nodes
    )
