"""ONNX models: read, checked for what can be known early, and turned into a graph."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.graph import Graph, Node, Tensor
from kernels.op import Spec

OLDEST_OPSET = 2
Dimension = int | str


@dataclass(frozen=True)
class Port:
    """An input or output as the model declares it; a dimension left open is a name."""

    name: str
    shape: tuple[Dimension, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Model:
    """An ONNX model, its inputs and outputs, and the hash that plans and costs are keyed by.

    `read` gives the onnx.ModelProto. A model from a file holds its weights no longer than until they
    are first asked for; after that the file is read again.
    """

    name: str
    read: Callable[[], Any]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    digest: str


def load(source: str | Path | Any) -> Model:
    """Read a model from a file or take an onnx.ModelProto.

    Raises FileNotFoundError, or ValueError for what is no ONNX model, each in one clear line.
    """
    import onnx

    if isinstance(source, onnx.ModelProto):
        return _model(source, source.graph.name or "model", lambda: source)
    if not isinstance(source, str | Path):
        raise TypeError(f"a model must be a file's path or an onnx.ModelProto, not {type(source).__name__}")
    path = Path(source)
    proto = _read(path)
    return _model(proto, str(path), _Again(path, proto))


def _read(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such model file; give the path of an .onnx file")
    try:
        return onnx.load(path)
    except DecodeError as error:
        raise ValueError(
            f"{path} ({path.stat().st_size} bytes) is not an ONNX model, or is cut short: {error}"
        ) from error
    except onnx.checker.ValidationError as error:
        raise ValueError(f"{path}: its external data cannot be read: {error}") from error


class _Again:
    """A file's model, given away once; then the file is read again, which must not have changed meanwhile."""

    def __init__(self, path: Path, proto: Any) -> None:
        self._path, self._proto, self._stamp = path, proto, path.stat().st_mtime_ns

    def __call__(self) -> Any:
        proto, self._proto = self._proto, None
        if proto is None:
            if not self._path.is_file() or self._path.stat().st_mtime_ns != self._stamp:
                raise ValueError(f"{self._path} has changed since it was loaded: make a new session")
            proto = _read(self._path)
        return proto


def _model(proto: Any, name: str, read: Callable[[], Any]) -> Model:
    graph = proto.graph
    if not graph.node and not graph.output:
        raise ValueError(f"{name} is not an ONNX model: it holds no graph; export the network again")
    opset = next((o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), 1)
    if opset < OLDEST_OPSET:
        raise ValueError(f"{name} has opset {opset}; {OLDEST_OPSET} or newer is needed: export the network again")
    constants = {tensor.name for tensor in graph.initializer}
    inputs = tuple(_port(v, name) for v in graph.input if v.name not in constants)
    digest = hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()
    return Model(name, read, inputs, tuple(_port(v, name) for v in graph.output), digest)


def _port(value: Any, name: str) -> Port:
    from onnx import helper

    kind = value.type.tensor_type
    if not value.type.HasField("tensor_type"):
        raise ValueError(f"{name}: {value.name!r} is not a tensor; sequences and maps cannot be streamed")
    shape = tuple(
        d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else d.dim_param or f"{value.name}_{k}"
        for k, d in enumerate(kind.shape.dim)
    )
    dtype = helper.tensor_dtype_to_np_dtype(kind.elem_type) if kind.elem_type else np.float32
    if np.dtype(dtype).kind == "O":
        raise ValueError(f"{name}: {value.name!r} holds strings; only numbers can be streamed")
    return Port(value.name, shape, np.dtype(dtype))


def resolve(model: Model, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Concrete shapes of all inputs: those given must fit the declared ones; a name means the same number everywhere.

    Open dimensions that nothing names become 1. Raises ValueError naming both shapes.
    """
    named: dict[str, int] = {}
    for port in model.inputs:
        given = shapes.get(port.name)
        if given is None:
            continue
        declared = port.shape
        fits = len(given) == len(declared) and all(
            want == have if isinstance(want, int) else named.setdefault(want, have) == have
            for want, have in zip(declared, given, strict=True)
        )
        if not fits:
            raise ValueError(
                f"{model.name}: input {port.name!r} has shape {_shown(given)}, but the model expects {_shown(declared)}"
            )
    return {p.name: tuple(d if isinstance(d, int) else named.get(d, 1) for d in p.shape) for p in model.inputs}


def _shown(shape: tuple[Dimension, ...]) -> str:
    return "x".join(str(d) for d in shape) or "()"


def graph(model: Model, shapes: Mapping[str, tuple[int, ...]]) -> Graph:
    """The model's graph with inputs of concrete shapes; nodes are as ONNX has them, each with its proto."""
    from onnx import numpy_helper

    whole = model.read()
    proto = whole.graph
    opsets = {o.domain or "ai.onnx": o.version for o in whole.opset_import}
    tensors: dict[str, Tensor] = {}
    for port in model.inputs:
        tensors[port.name] = Tensor(port.name, Spec(shapes[port.name], port.dtype))
    for initializer in proto.initializer:
        tensors[initializer.name] = constant(initializer.name, numpy_helper.to_array(initializer))
    for sparse in proto.sparse_initializer:
        raise ValueError(
            f"{model.name}: sparse initializer {sparse.values.name!r}; export the network with dense weights"
        )
    nodes: list[Node] = []
    taken: set[str] = set()
    for item in proto.node:
        name = item.name or f"{item.op_type}_{next((o for o in item.output if o), len(nodes))}"
        while name in taken:
            name += "_"
        taken.add(name)
        domain = item.domain or "ai.onnx"
        opset = opsets.get(domain, 1)
        outputs = list(item.output)
        while outputs and not outputs[-1]:
            outputs.pop()
        own = type(item)()
        own.CopyFrom(item)  # a part of a message keeps all of it, weights included
        nodes.append(Node(item.op_type, name, tuple(item.input), tuple(outputs), _attributes(item), opset, own))
        for output in outputs:
            if output:
                tensors[output] = Tensor(output)
    return Graph(
        model.name,
        tuple(p.name for p in model.inputs),
        tuple(p.name for p in model.outputs),
        tuple(nodes),
        tensors,
    )


def constant(name: str, value: np.ndarray[Any, Any]) -> Tensor:
    """A constant tensor."""
    return Tensor(name, Spec(value.shape, value.dtype), value)


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode("utf-8", "replace") if isinstance(v, bytes) else v for k, v in values.items()}
