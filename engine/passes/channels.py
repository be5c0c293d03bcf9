"""Channels that are only sliced, joined and shuffled: one operator that picks them, instead of one after another."""

from __future__ import annotations

from dataclasses import dataclass

from engine.graph import Graph, Node

BLOCKED = frozenset(("Conv", "MaxPool", "AveragePool", "Affine", "Channels"))
MOST = 2  # images that one operator picks from


@dataclass(frozen=True)
class Selection:
    """Channels by the tensor they come from and their number in it."""

    channels: tuple[tuple[str, int], ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The tensors, in order of their first channel."""
        return tuple(dict.fromkeys(name for name, _ in self.channels))

    def through(self, name: str, inner: Selection) -> Selection:
        """The same channels, those of one tensor traced back to where they come from."""
        return Selection(tuple(inner.channels[k] if source == name else (source, k) for source, k in self.channels))


def channels(graph: Graph) -> Graph:
    """Replace every slice of an image's channels, and every shuffle of such slices and joins.

    Two-branch units (ShuffleNet v2, arXiv 1807.11164) slice, join and shuffle around every branch.
    """
    made: dict[str, Selection] = {}
    producers = graph.producers()

    def blocked(selection: Selection) -> bool:
        return all(name in producers and producers[name].op in BLOCKED for name in selection.sources)

    def trace(selection: Selection) -> Selection | None:
        """As far back as few enough images are picked from, and lie in blocks: a pick costs the same wherever it reads.

        Two picks from what one unit gives then need nothing of each other.
        """
        found, further = None, [selection]
        while further:
            found = further[0] if blocked(further[0]) else found
            steps = (further[0].through(name, made[name]) for name in further[0].sources if name in made)
            further = [step for step in steps if len(step.sources) <= MOST]
        return found

    def rewritten(node: Node) -> Node:
        found = _selection(graph, node)
        if found is None:
            return node
        made[node.outputs[0]] = found
        traced = trace(found)
        if node.op == "Concat" or traced is None or (node.op == "Channels" and traced == found):
            return node
        order = {name: i for i, name in enumerate(traced.sources)}
        picked = tuple((order[name], k) for name, k in traced.channels)
        return Node("Channels", node.name, traced.sources, node.outputs, {"picked": picked})

    return graph.changed([rewritten(node) for node in graph.nodes])


def _selection(graph: Graph, node: Node) -> Selection | None:
    """What a node picks from its inputs, None where it does anything else."""
    if node.proto is not None or node.op not in ("Slice", "Concat", "Channels"):
        return None
    specs = [graph.spec(name) for name in (*node.inputs, *node.outputs)]
    if any(len(spec.shape) != 4 or spec.dtype != "float32" for spec in specs):
        return None
    x, y = specs[0].shape, specs[-1].shape
    if node.op == "Concat":
        if node.attributes["axis"] != 1 or any(graph.value(name) is not None for name in node.inputs):
            return None
        shapes = zip(node.inputs, specs, strict=False)
        return Selection(tuple((name, k) for name, spec in shapes for k in range(spec.shape[1])))
    if node.op == "Channels":
        return Selection(tuple((node.inputs[image], k) for image, k in node.attributes["picked"]))
    starts, steps = node.attributes["starts"], node.attributes["steps"]
    if (x[0], *x[2:]) != (y[0], *y[2:]) or (steps[0], *steps[2:]) != (1, 1, 1):
        return None
    return Selection(tuple((node.inputs[0], starts[1] + k * steps[1]) for k in range(y[1])))
