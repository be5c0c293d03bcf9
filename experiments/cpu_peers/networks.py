"""Networks that every engine reads: the topologies that onnx ships and our zoo's, with seeded weights, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hetero import zoo

LIGHT = {
    "googlenet": "inception_v1",
    "squeezenet": "squeezenet",
    "resnet50": "resnet50",
    "shufflenet": "shufflenet",
    "densenet121": "densenet121",
    "inception_v2": "inception_v2",
    "alexnet": "bvlc_alexnet",
    "vgg19": "vgg19",
}
NAMES = (*LIGHT, "mobilenet_v2")


def write(name: str, folder: Path) -> Path:
    """The network's file in a folder, made if it is not there yet."""
    import onnx

    path = folder / f"{name}.onnx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(portable(weighted(LIGHT[name]) if name in LIGHT else zoo.build(name)), path)
    return path


def weighted(stem: str) -> Any:
    """One of onnx's light networks, whose weights are constants of no content, with weights drawn anew."""
    import onnx.backend.test
    from onnx import numpy_helper

    file = Path(onnx.backend.test.__file__).parent / "data" / "light" / f"light_{stem}.onnx"
    proto = onnx.load(file)
    random = np.random.default_rng(0)
    positive = {name for node in proto.graph.node if node.op_type == "BatchNormalization" for name in node.input[1:5:3]}
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    kept, weights = [], []
    for node in proto.graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = tuple(shapes[node.input[0]])
        fan_in = max(1, int(np.prod(shape[1:])))
        drawn = random.standard_normal(shape) * (2 / fan_in) ** 0.5 * (0.1 if len(shape) == 1 else 1.0)
        value = random.uniform(0.5, 1.5, shape) if node.output[0] in positive else drawn
        weights.append(numpy_helper.from_array(value.astype(np.float32), node.output[0]))
    used = {name for node in kept for name in node.input}
    initializers = [tensor for tensor in proto.graph.initializer if tensor.name in used]
    inputs = [port for port in proto.graph.input if port.name not in shapes]
    for field, values in (("node", kept), ("initializer", initializers + weights), ("input", inputs)):
        del getattr(proto.graph, field)[:]
        getattr(proto.graph, field).extend(values)
    return proto


def portable(proto: Any) -> Any:
    """The same network spelt so that every converter gets it right.

    Softmax of old opsets with its axis written out; pooling over the whole image as GlobalAveragePool.
    """
    import onnx
    from onnx import helper

    known = onnx.shape_inference.infer_shapes(proto).graph.value_info
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in known}
    for node in proto.graph.node:
        names = {attribute.name for attribute in node.attribute}
        if node.op_type == "Softmax" and "axis" not in names:
            node.attribute.append(helper.make_attribute("axis", 1))
        whole = shapes.get(node.output[0], [0])[2:] == [1, 1]
        if node.op_type == "AveragePool" and "count_include_pad" not in names and whole:
            node.op_type = "GlobalAveragePool"
            del node.attribute[:]
    return proto
