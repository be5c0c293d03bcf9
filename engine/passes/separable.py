"""Separable convolutions: what works channel by channel, and the 1x1 convolution behind it, as one operator."""

from __future__ import annotations

from engine.graph import Graph, Node
from engine.passes.view import View
from kernels.separable import OWN_INPUTS


def separable(graph: Graph) -> Graph:
    """Replace a depthwise convolution or an Affine, and the 1x1 convolution that alone reads it, by one operator.

    Depthwise-separable convolutions (arXiv 1704.04861) are made so, and what normalises in front of one
    (arXiv 1603.05027).
    """
    view = View(graph)
    made = {node.outputs[0]: found for node in graph.nodes if (found := _separable(view, node)) is not None}
    gone = {view.made[node.inputs[0]].name for node in graph.nodes if node.outputs[0] in made}
    return graph.changed(made.get(node.outputs[0], node) for node in graph.nodes if node.name not in gone)


def _separable(view: View, node: Node) -> Node | None:
    first = view.before(node.inputs[0]) if node.op == "Conv" and node.proto is None else None
    if first is None or not _product(view, node) or not _by_channel(view, first):
        return None
    bias = first.inputs[2] if len(first.inputs) > 2 else ""
    own = node.inputs + ("",) * (OWN_INPUTS - len(node.inputs))
    inputs = (first.inputs[0], *own[1:], first.inputs[1], bias)
    return Node("Separable", node.name, inputs, node.outputs, node.attributes | {"first": (first.op, first.attributes)})


def _product(view: View, node: Node) -> bool:
    """Whether a Conv is a matrix product of channels: it reads its one pixel, and has one group."""
    channels, attributes = view.spec(node.inputs[1]).shape[1], node.attributes
    ones = (attributes["kernel_shape"], attributes["strides"]) == ((1, 1), (1, 1))
    return ones and not any(attributes["pads"]) and channels == view.spec(node.inputs[0]).shape[1]


def _by_channel(view: View, node: Node) -> bool:
    """Whether a node works channel by channel, on an image, with nothing else fused to it than a clamp."""
    shape = view.spec(node.inputs[0]).shape
    if len(node.inputs) > 3 or "chain" in node.attributes or len(shape) != 4:
        return False
    if node.op == "Affine":
        return True
    depthwise = node.op == "Conv" and shape[1] > 1 and node.attributes["group"] == shape[1]
    return depthwise and view.spec(node.outputs[0]).shape[1] == shape[1]
