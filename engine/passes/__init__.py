"""Passes: each makes a graph from a graph; the order they run in is here, and each result is checked."""

from __future__ import annotations

from collections.abc import Mapping

from engine.formats import onnx
from engine.graph import Graph, check
from engine.passes.accompany import accompany
from engine.passes.chain import chain
from engine.passes.channels import channels
from engine.passes.clean import clean
from engine.passes.fuse import fuse
from engine.passes.infer import infer
from engine.passes.layout import layout
from engine.passes.separable import separable


def prepare(model: onnx.Model, shapes: Mapping[str, tuple[int, ...]], block: int) -> Graph:
    """The model's graph for inputs of these shapes, ready to be placed on devices.

    `block` is how many channels lie together in the blocked layout.
    """
    graph = check(onnx.graph(model, shapes), "import")
    graph = check(infer(graph), "infer")
    graph = check(clean(graph), "clean")
    graph = check(chain(graph), "chain")
    graph = check(fuse(graph), "fuse")
    graph = check(channels(check(clean(graph), "clean")), "channels")
    graph = check(separable(check(clean(graph), "clean")), "separable")
    return check(accompany(check(layout(graph, block), "layout")), "accompany")
