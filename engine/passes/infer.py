"""Shapes, constants and complete attributes: every node in our own form, or marked for the reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from engine.formats.onnx import constant
from engine.graph import Graph, GraphError, Node, Tensor
from engine.reference import evaluator
from kernels.op import Spec
from kernels.ops import operators

RANDOM = frozenset(
    ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial")
)


def infer(graph: Graph) -> Graph:
    """Walk the nodes in order; fold what is constant, complete what has a kernel, infer what has none."""
    tensors = dict(graph.tensors)
    nodes: list[Node] = []
    for node in graph.nodes:
        values = [tensors[name].value if name else None for name in node.inputs]
        specs = [tensors[name].spec if name else None for name in node.inputs]
        if (folded := _fold(graph, node, specs, values)) is not None:
            tensors.update((name, constant(name, v)) for name, v in zip(node.outputs, folded, strict=False) if name)
            continue
        known = {i: value for i, value in enumerate(values) if value is not None}
        done, outputs = _infer_node(graph, node, specs, known)
        nodes.append(done)
        tensors.update((name, Tensor(name, spec)) for name, spec in zip(node.outputs, outputs, strict=True) if name)
    return replace(graph, tensors=tensors).changed(nodes)


def _fold(graph: Graph, node: Node, specs: list[Spec | None], values: list[Any]) -> list[np.ndarray[Any, Any]] | None:
    """The outputs of a node that does not depend on the frame, else None."""
    if node.op == "Shape" and specs[0] is not None:
        shape = specs[0].shape
        return [np.array(shape[slice(node.attributes.get("start", 0), node.attributes.get("end"))], np.int64)]
    if node.op in RANDOM or any(name and value is None for name, value in zip(node.inputs, values, strict=True)):
        return None
    if (op := operators().get(node.op)) is not None and op.alias:  # spares most networks the reference, a large library
        known = {i: value for i, value in enumerate(values) if value is not None}
        done, outputs = _infer_node(graph, node, specs, known)
        if done.proto is None:
            return [known[0].reshape(outputs[0].shape)]
    try:
        return evaluator(node.proto, node.opset)(values)
    except NotImplementedError as error:
        raise GraphError(f"{graph.name}: {error}") from error


def _infer_node(graph: Graph, node: Node, specs: list[Spec | None], known: dict[int, Any]) -> tuple[Node, list[Spec]]:
    op = operators().get(node.op) if node.proto.domain in ("", "ai.onnx") else None
    single = len([name for name in node.outputs if name]) == 1 and bool(node.outputs[0])
    many = op is not None and op.outputs is None
    try:
        # Dropout's mask and the like: an output that somebody may want has no kernel.
        if op is not None and (single or node.op == "Dropout" or (many and all(node.outputs))):
            counted = {"num_outputs": len(node.outputs)} if many else {}
            inferred = op.infer(node.attributes | counted, specs, known, node.opset)
            if inferred is not None:
                attributes, outputs = inferred
                inputs = node.inputs if op.data is None else node.inputs[: op.data]
                made = node.outputs[: len(outputs)]
                done = replace(node, attributes=attributes, inputs=inputs, outputs=made, proto=None)
                return done, outputs + [Spec(())] * (len(node.outputs) - len(made))
        return node, _reference_specs(graph, node, specs, known)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        if isinstance(error, GraphError):
            raise
        shown = ", ".join("-" if spec is None else str(spec.shape) for spec in specs)
        raise GraphError(f"{graph.name}: {node.op} node {node.name!r} with inputs {shown}: {error}") from error


def _reference_specs(graph: Graph, node: Node, specs: list[Spec | None], known: dict[int, Any]) -> list[Spec]:
    """What ONNX's own inference says of a node without a kernel."""
    import onnx
    from onnx import helper, numpy_helper

    try:
        evaluator(node.proto, node.opset)
        schema = onnx.defs.get_schema(node.op, node.opset, node.proto.domain)
        kinds = {
            name: helper.make_tensor_type_proto(helper.np_dtype_to_tensor_dtype(spec.dtype), spec.shape)
            for name, spec in zip(node.inputs, specs, strict=True)
            if name and spec is not None
        }
        data = {node.inputs[i]: numpy_helper.from_array(value) for i, value in known.items()}
        found = onnx.shape_inference.infer_node_outputs(
            schema,
            node.proto,
            kinds,
            data,
            opset_imports=[helper.make_opsetid(node.proto.domain, node.opset)],
        )
    except (NotImplementedError, onnx.defs.SchemaError, onnx.shape_inference.InferenceError) as error:
        raise GraphError(f"{graph.name}: {node.op} node {node.name!r}: {error}") from error
    outputs = []
    for name in node.outputs:
        if not name:
            outputs.append(Spec(()))
            continue
        kind = found[name].tensor_type
        sizes = [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim]
        if not kind.HasField("shape") or None in sizes:
            raise GraphError(
                f"{graph.name}: the shape of output {name!r} of {node.op} node {node.name!r} depends on the data; "
                "cut the network before this node, and run the rest in Python"
            )
        outputs.append(
            Spec(
                tuple(s for s in sizes if s is not None),
                np.dtype(helper.tensor_dtype_to_np_dtype(kind.elem_type)),
            )
        )
    return outputs
