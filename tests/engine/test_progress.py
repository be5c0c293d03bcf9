"""Progress is told to whoever listens, and to nobody else."""

from __future__ import annotations

import numpy as np
from onnx import helper

from engine.formats.onnx import load, resolve
from engine.passes import prepare
from engine.program import compile_stage
from engine.progress import telling
from hetero.machine import cpu
from tests.models import model


def test_every_operator_is_told() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["a"], name="a"), helper.make_node("Softmax", ["a"], ["y"], name="b")]
    loaded = load(model(nodes, {"x": (2, 3)}, ["y"], {"w": np.ones((2, 3), np.float32)}))
    graph = prepare(loaded, resolve(loaded, {}), 16)
    heard: list[tuple[str, int, int]] = []
    with telling(lambda *words: heard.append(words)):
        compile_stage(graph, graph.nodes, cpu(1), {"x", "y"})
    what = f"compiling for {cpu(1).name}"
    count = len(graph.nodes)
    assert heard == [(what, done, count) for done in range(count + 1)]
    compile_stage(graph, graph.nodes, cpu(1), {"x", "y"})
    assert len(heard) == count + 1
