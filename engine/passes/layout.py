"""Layouts: which tensors lie blocked, and Reorder nodes where a reader wants the other layout."""

from __future__ import annotations

from dataclasses import replace

from engine.graph import Graph, Node, Tensor
from kernels.op import Layout, Spec, plain
from kernels.ops import operators


def layout(graph: Graph, block: int) -> Graph:
    """Ask every operator for its layouts, in order. Inputs and outputs of the graph stay plain."""
    tensors = dict(graph.tensors)
    nodes: list[Node] = []
    taken = {node.name for node in graph.nodes}

    def spec(name: str) -> Spec:
        found = tensors[name].spec
        assert found is not None
        return found

    def reorder(name: str, wanted: Layout, new: str) -> None:
        title = f"Reorder_{new}"
        while title in taken:
            title += "_"
        taken.add(title)
        tensors[new] = Tensor(new, replace(spec(name), layout=wanted, block=block))
        nodes.append(Node("Reorder", title, (name,), (new,), {"layout": wanted}))

    def as_wanted(name: str, wanted: Layout) -> str:
        if not name or tensors[name].value is not None or spec(name).layout == wanted:
            return name
        new = f"{name}/{wanted}"
        if new not in tensors:
            reorder(name, wanted, new)
        return new

    def settle(node: Node) -> None:
        call = replace(graph, tensors=tensors).call(node)
        wanted = plain(call) if node.proto is not None else operators()[node.op].layouts(call)
        inputs = tuple(as_wanted(*pair) for pair in zip(node.inputs, wanted[0], strict=True))
        outputs = list(node.outputs)
        late: list[tuple[str, str]] = []
        for i, (name, given) in enumerate(zip(node.outputs, wanted[1], strict=True)):
            if given == "blocked":
                if name in graph.outputs:
                    outputs[i] = f"{name}/blocked"
                    late.append((outputs[i], name))
                tensors[outputs[i]] = Tensor(outputs[i], replace(spec(name), layout=given, block=block))
        nodes.append(replace(node, inputs=inputs, outputs=tuple(outputs)))
        for blocked, name in late:
            reorder(blocked, "plain", name)

    for node in graph.nodes:
        settle(node)
    return replace(graph, tensors=tensors).changed(nodes)
