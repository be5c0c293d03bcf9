"""Fusion: channel-wise arithmetic into weights, activations and residual additions into what comes before them.

Each rule looks at a node and the node that makes its first operand; where it applies, one node takes
the place of both. Rules are tried along the network until none applies any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from engine.graph import Graph, Node
from engine.passes.tails import chain_with_its_beginning, links_into_carrier, links_into_chain
from engine.passes.view import Array, View
from kernels.activation import INFINITY
from kernels.op import Spec
from kernels.product import PRODUCTS

CARRIERS = ("Conv", "ConvTranspose", "Affine", *PRODUCTS)  # operators that apply a clamp before they store
WEIGHTED = ("Conv", "ConvTranspose")  # those that have a bias and add a residual


def _per_channel(view: View, node: Node, name: str) -> Array | None:
    """A constant operand as one number a channel, if that is what it comes to for the node's output."""
    value, spec = view.value(name), view.graph.tensors[node.outputs[0]].spec
    if value is None or spec is None or len(spec.shape) < 2 or value.dtype != np.float32:
        return None
    shape = (1,) * (len(spec.shape) - value.ndim) + value.shape
    if len(shape) != len(spec.shape) or any(size != 1 for k, size in enumerate(shape) if k != 1):
        return None
    return np.broadcast_to(value.reshape(-1), (spec.shape[1],)).astype(np.float32)


def normalization_to_affine(view: View, node: Node) -> Node | None:
    """BatchNormalization -> Affine."""
    if node.op != "BatchNormalization" or node.proto is not None:
        return None
    scale, shift, mean, variance = (np.asarray(view.value(name), np.float64) for name in node.inputs[1:5])
    factor = scale / np.sqrt(variance + node.attributes["epsilon"])
    return _affine(view, node, node.inputs[0], factor, shift - mean * factor)


def _affine(view: View, node: Node, x: str, scale: Array, shift: Array) -> Node:
    names = [view.keep(f"{node.name}/{part}", v.astype(np.float32)) for part, v in (("scale", scale), ("shift", shift))]
    return Node("Affine", node.name, (x, *names), node.outputs)


def arithmetic_to_affine(view: View, node: Node) -> Node | None:
    """Add, Sub, Mul, Div by one constant a channel -> Affine, where that can go on into what comes before."""
    if node.op not in ("Add", "Sub", "Mul", "Div") or node.proto is not None:
        return None
    for x, other in (node.inputs, node.inputs[::-1]):
        before = view.before(x)
        values = _per_channel(view, node, other)
        if before is None or before.op not in (*WEIGHTED, "Affine") or _finished(before) or values is None:
            continue
        if view.graph.spec(x).shape != view.graph.spec(node.outputs[0]).shape:
            continue
        one, zero, exact = np.ones_like(values), np.zeros_like(values), values.astype(np.float64)
        if node.op == "Add":
            return _affine(view, node, x, one, exact)
        if node.op == "Mul":
            return _affine(view, node, x, exact, zero)
        if x is node.inputs[0]:
            parts = (one, -exact) if node.op == "Sub" else (1 / exact, zero)
            return _affine(view, node, x, *parts)
    return None


def _finished(node: Node) -> bool:
    """Whether something was fused behind the node's sum already, so that nothing may go into its weights."""
    return bool({"activation", "chain"} & node.attributes.keys()) or (node.op in WEIGHTED and len(node.inputs) > 3)


def affine_into_weights(view: View, node: Node) -> Node | None:
    """Conv, ConvTranspose or Affine, then Affine -> one of them."""
    before = view.before(node.inputs[0]) if node.op == "Affine" and len(node.inputs) == 3 else None
    if before is None or before.op not in (*WEIGHTED, "Affine") or _finished(before):
        return None
    scale, shift = (np.asarray(view.value(name), np.float64) for name in node.inputs[1:])
    weights = view.value(before.inputs[1])
    assert weights is not None
    bias_name = before.inputs[2] if len(before.inputs) > 2 else ""
    bias = view.value(bias_name) if bias_name else None
    old = np.zeros(len(scale)) if bias is None else bias.astype(np.float64)
    if before.op == "ConvTranspose":
        # (C, K / group, kh, kw): every group of inputs has outputs of its own.
        split = weights.reshape(before.attributes["group"], -1, *weights.shape[1:])
        scaled = (split * scale.reshape(len(split), 1, -1, 1, 1)).reshape(weights.shape)
    else:
        scaled = weights * scale.reshape(-1, *(1,) * (weights.ndim - 1))
    names = (
        view.keep(f"{node.name}/weights", scaled.astype(np.float32)),
        view.keep(f"{node.name}/bias", (old * scale + shift).astype(np.float32)),
    )
    view.forget(before.inputs[1])
    merged = replace(before, inputs=(before.inputs[0], *names), outputs=node.outputs, attributes=before.attributes)
    return merged.with_attributes(**node.attributes)


def bias_into_product(view: View, node: Node) -> Node | None:
    """MatMul, then Add of one constant a column -> MatMul with a third operand."""
    if node.op != "Add" or node.proto is not None:
        return None
    for x, other in (node.inputs, node.inputs[::-1]):
        before, c = view.before(x), view.value(other)
        if before is None or before.op != "MatMul" or len(before.inputs) > 2 or c is None or _finished(before):
            continue
        if c.size == c.shape[-1] == view.graph.spec(x).shape[-1]:
            return replace(before, inputs=(*before.inputs, other), outputs=node.outputs)
    return None


def clamp_into_carrier(view: View, node: Node) -> Node | None:
    """Relu, Clip or LeakyRelu into the operator before it."""
    if node.proto is not None or node.op not in ("Relu", "Clip", "LeakyRelu"):
        return None
    before = view.before(node.inputs[0])
    if before is None or before.op not in CARRIERS or {"activation", "chain"} & before.attributes.keys():
        return None
    if node.op == "Clip":
        clamp = (node.attributes["min"], node.attributes["max"], 0.0)
    else:
        clamp = (0.0, INFINITY, 0.0 if node.op == "Relu" else node.attributes.get("alpha", 0.01))
    return replace(before, outputs=node.outputs).with_attributes(activation=clamp)


def residual_into_convolution(view: View, node: Node) -> Node | None:
    """Conv or ConvTranspose, then Add or Sum of two tensors of one shape -> the same with a residual."""
    if node.op not in ("Add", "Sum") or node.proto is not None or len(node.inputs) != 2:
        return None
    shapes = {view.graph.spec(name).shape for name in node.inputs}
    if len(shapes) > 1 or node.inputs[0] == node.inputs[1] or any(view.value(n) is not None for n in node.inputs):
        return None
    # The second operand is usually the shortcut's own convolution: the later one, so it is asked first.
    for x, other in (node.inputs[::-1], node.inputs):
        before = view.before(x)
        if before is not None and before.op in WEIGHTED and not _finished(before):
            bias = before.inputs[2] if len(before.inputs) > 2 else ""
            inputs = (*before.inputs[:2], bias, other)
            return replace(before, inputs=inputs, outputs=node.outputs)
    return None


def reshapes_to_channels(view: View, node: Node) -> Node | None:
    """Reshape to groups, Transpose of groups and channels, Reshape back -> Channels (a shuffle, arXiv 1707.01083)."""
    swap = view.before(node.inputs[0]) if node.op == "Reshape" and node.proto is None else None
    if swap is None or swap.op != "Transpose" or swap.attributes["perm"] != (0, 2, 1, 3, 4):
        return None
    split = view.before(swap.inputs[0])
    if split is None or split.op != "Reshape":
        return None
    x, grouped = view.graph.spec(split.inputs[0]), view.graph.spec(split.outputs[0])
    n, groups, each, h, w = grouped.shape
    if x.shape != (n, groups * each, h, w) or view.graph.spec(node.outputs[0]).shape != x.shape:
        return None
    picked = tuple((0, k % groups * each + k // groups) for k in range(groups * each))
    return Node("Channels", node.name, split.inputs, node.outputs, {"picked": picked})


def mean_to_pooling(view: View, node: Node) -> Node | None:
    """ReduceMean over an image's height and width -> GlobalAveragePool, and a Reshape where they are not kept."""
    if node.op != "ReduceMean" or node.proto is not None or node.attributes["axes"] != (2, 3):
        return None
    x, y = view.graph.spec(node.inputs[0]), view.graph.spec(node.outputs[0])
    if len(x.shape) != 4:
        return None
    if len(y.shape) == 4:
        return Node("GlobalAveragePool", node.name, node.inputs, node.outputs)
    mean = view.make(f"{node.name}/mean", Spec((*x.shape[:2], 1, 1)))
    view.insert(Node("GlobalAveragePool", f"{node.name}/mean", node.inputs, (mean,)))
    return Node("Reshape", node.name, (mean,), node.outputs)


Rule = Callable[[View, Node], Node | None]
# What goes into weights, clamps and residuals comes first: that costs nothing when the network runs.
RULES: tuple[Rule, ...] = (
    mean_to_pooling,
    normalization_to_affine,
    arithmetic_to_affine,
    affine_into_weights,
    bias_into_product,
    clamp_into_carrier,
    residual_into_convolution,
    reshapes_to_channels,
)
CHAINS: tuple[Rule, ...] = (chain_with_its_beginning, links_into_carrier, links_into_chain)


def fuse(graph: Graph) -> Graph:
    """Apply the rules until none applies: at first those that make no chains, then all."""
    return _fixed(_fixed(graph, RULES), RULES + CHAINS)


def _fixed(graph: Graph, rules: tuple[Rule, ...]) -> Graph:
    """Apply rules until none applies.

    A fused node keeps the earlier one's name and stands where the later one stood, so that all it
    reads is there already.
    """
    changed = True
    while changed:
        changed = False
        view = View(graph)
        nodes: dict[str, Node] = {}
        for node in graph.nodes:
            made = next((new for rule in rules if (new := rule(view, node)) is not None), node)
            changed = changed or made is not node
            nodes |= {ahead.name: ahead for ahead in view.inserted()}
            nodes.pop(made.name, None)
            nodes[made.name] = made
            view.made[made.outputs[0]] = made
        graph = graph.changed(nodes.values(), view.new.values())
    return graph
