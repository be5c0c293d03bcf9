"""Dead code and nodes that do nothing are dropped."""

from __future__ import annotations

from dataclasses import replace

from engine.graph import Graph, Node

NOTHING = frozenset(("Identity", "Dropout"))


def clean(graph: Graph) -> Graph:
    """Drop Identity, Dropout and Concat of one where only a name depends on them, then every node nobody needs."""
    renamed: dict[str, str] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        inputs = tuple(renamed.get(name, name) for name in node.inputs)
        alone = node.op == "Concat" and len(inputs) == 1
        if node.proto is None and (node.op in NOTHING or alone) and node.outputs[0] not in graph.outputs:
            renamed[node.outputs[0]] = inputs[0]
            continue
        nodes.append(replace(node, inputs=inputs))
    needed = set(graph.outputs)
    kept: list[Node] = []
    for node in reversed(nodes):
        if needed.intersection(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
    return graph.changed(reversed(kept))
