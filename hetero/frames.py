"""Frames: what they must be to fit a model, and the network made for frames of given shapes, one or several stacked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.formats.onnx import Model, Port, resolve
from engine.graph import Graph
from engine.passes import prepare
from kernels.cpu.target import host

Array = np.ndarray[Any, Any]
Kind = dict[str, tuple[tuple[int, ...], np.dtype[Any]] | None]


class InputError(ValueError):
    """Inputs that do not fit the model: the message names what was given, what is expected, what to do."""


def prepared(model: Model, shapes: Mapping[str, tuple[int, ...]], batch: int = 1) -> Graph:
    """The network for frames of these shapes, `batch` of them stacked along the first axis of every input.

    Raises ValueError where the outputs are not stacked so too: where the model fixes its batch size.
    """
    if batch == 1:
        return prepare(model, dict(shapes), host().lanes)
    one = prepare(model, dict(shapes), host().lanes)
    wish = f"{model.name} cannot run {batch} frames at once"
    cure = "use batch=1, or export the network with an open batch size"
    if flat := [name for name, shape in shapes.items() if not shape]:
        raise ValueError(f"{wish}: input {flat[0]!r} has no axis to stack frames along; {cure}")
    try:
        many = prepare(model, {name: (batch * s[0], *s[1:]) for name, s in shapes.items()}, host().lanes)
    except ValueError as error:
        raise ValueError(f"{wish}: {error}; {cure}") from error
    for name in one.outputs:
        single, stacked = one.spec(name).shape, many.spec(name).shape
        if not single or stacked != (batch * single[0], *single[1:]):
            raise ValueError(f"{wish}: output {name!r} of one has shape {single}, that of {batch} {stacked}; {cure}")
    return many


def kind(frame: Mapping[str, Any]) -> Kind:
    """What a frame's arrays are, so that one like another is known at a glance."""
    return {
        name: (array.shape, array.dtype) if isinstance(array, np.ndarray) else None for name, array in frame.items()
    }


def fitting(model: Model, port: Port, array: Any) -> Array:
    """The array, if it fits an input. Raises InputError naming what was given, what is expected, what to do."""
    given = np.asarray(array)
    if given.dtype != port.dtype:
        raise InputError(
            f"{model.name}: input {port.name!r} has dtype {given.dtype}, but the model expects {port.dtype}; "
            f"convert it with .astype(np.{port.dtype})"
        )
    try:
        resolve(model, {port.name: given.shape})
    except ValueError as error:
        raise InputError(f"{error}; reshape or resize the frame") from None
    return given
