"""Convolution: a convolution's numbers and its packed weights, shared by the kernels that compute it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from kernels.op import Call, Operand, Spec, constant, read
from kernels.opencl.activation import activation
from kernels.opencl.chain import Tail, tail
from kernels.opencl.grid import ceil_div

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Convolution:
    """A convolution's numbers: sizes in pixels, `pads` as (top, left, bottom, right)."""

    x: Spec
    y: Spec
    weights: Array
    bias: Array | None
    residual: Spec | None
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]
    group: int
    activation: tuple[float, float, float]
    tail: Tail
    accompanied: bool = False  # other convolutions may run at the same time

    @staticmethod
    def of(call: Call) -> Convolution:
        """Read a call's attributes and constants."""
        get = call.attributes.get
        weights = np.asarray(call.constants[1], np.float32)
        top, left, bottom, right = _ints(get("pads") or (0, 0, 0, 0))
        return Convolution(
            x=call.need(0),
            y=call.outputs[0],
            weights=weights,
            bias=call.constants.get(2),
            residual=call.given(3),
            kernel=(int(weights.shape[2]), int(weights.shape[3])),
            strides=_pair(get("strides") or (1, 1)),
            dilations=_pair(get("dilations") or (1, 1)),
            pads=(top, left, bottom, right),
            group=int(get("group") or 1),
            activation=activation(call),
            tail=tail(call),
            accompanied=bool(get("accompanied")),
        )

    @property
    def problem(self) -> str:
        """The shape in words, which tuned choices are kept under."""
        x, y = "x".join(map(str, self.x.shape)), "x".join(map(str, self.y.shape))
        window, strides, dilations = ("x".join(map(str, pair)) for pair in (self.kernel, self.strides, self.dilations))
        return (
            f"{x} {self.x.layout} to {y} in blocks of {self.block}, "
            f"window {window}, strides {strides}, dilations {dilations}, groups {self.group}"
        )

    @property
    def block(self) -> int:
        """Lanes of the output's blocks."""
        return self.y.block

    @property
    def depthwise(self) -> bool:
        """One input channel and one output channel per group, both blocked."""
        same = self.group == self.x.shape[1] == self.y.shape[1]
        return same and self.group > 1 and self.x.layout == "blocked"

    @property
    def padded(self) -> bool:
        """Whether any padding is asked for."""
        return any(self.pads)

    @cached_property
    def starts(self) -> Array:
        """First input block [output block] of the channels that an output block reads."""
        last = self.x.blocks - self.depth
        firsts = [low // self.block for low, _ in self._channels]
        return np.array([min(first, last) for first in firsts], np.int32)

    @cached_property
    def depth(self) -> int:
        """Input blocks every output block reads: all of them, or what its groups span."""
        return max(ceil_div(high, self.block) - low // self.block for low, high in self._channels)

    @cached_property
    def _channels(self) -> list[tuple[int, int]]:
        """Input channels [low, high) of the groups that each output block touches."""
        inputs, outputs = self.x.shape[1] // self.group, self.y.shape[1] // self.group
        spans = []
        for first in range(0, self.y.shape[1], self.block):
            last = min(first + self.block, self.y.shape[1]) - 1
            spans.append((first // outputs * inputs, (last // outputs + 1) * inputs))
        return spans

    @cached_property
    def alike(self) -> int:
        """How many neighbouring output blocks, from any multiple of it on, read the same inputs."""
        first = np.flatnonzero(np.diff(self.starts, prepend=-1))
        return int(np.gcd.reduce(np.append(first, self.y.blocks)))

    def blocked_weights(self) -> Array:
        """[output block][input block][kh][kw][input lane][output lane], zero where nothing reaches.

        With groups, an output block reads `depth` blocks beginning at `starts`; the weights of
        channels that another group owns are zero.
        """
        block, depth = self.block, self.depth
        inputs, outputs = self.x.shape[1] // self.group, self.y.shape[1] // self.group
        packed = np.zeros((self.y.blocks, depth, *self.kernel, block, block), np.float32)
        if self.group == 1 or outputs % block == inputs % block == 0:
            wide = np.zeros((self.y.blocks * block, depth * block, *self.kernel), np.float32)
            wide[: self.y.shape[1], :inputs] = self.weights
            split = wide.reshape(self.y.blocks, block, depth, block, *self.kernel)
            packed[:] = split.transpose(0, 2, 4, 5, 3, 1)
            return packed
        for output in range(self.y.shape[1]):
            first = output // outputs * inputs - int(self.starts[output // block]) * block
            lanes = np.arange(first, first + inputs)
            block_of, lane_of = divmod(lanes, block)
            packed[output // block, block_of, :, :, lane_of, output % block] = self.weights[output]
        return packed

    def plain_weights(self, multiple: int = 1) -> Array:
        """[output block][kh * kw * C, rounded up][output lane], for an interleaved or plain input."""
        block, outputs, channels = self.block, self.y.shape[1], self.x.shape[1]
        inputs, share = channels // self.group, outputs // self.group
        dense = np.zeros((outputs, *self.kernel, channels), np.float32)
        for group in range(self.group):
            rows = slice(group * share, (group + 1) * share)
            own = slice(group * inputs, (group + 1) * inputs)
            dense[rows, :, :, own] = self.weights[rows].transpose(0, 2, 3, 1)
        taps = dense[0].size
        packed = np.zeros((self.y.blocks * block, ceil_div(taps, multiple) * multiple), np.float32)
        packed[:outputs, :taps] = dense.reshape(outputs, taps)
        return packed.reshape(self.y.blocks, block, -1).transpose(0, 2, 1)

    def operands(self) -> tuple[Operand, Operand]:
        """Bias, padded to whole blocks with zeros, and the residual (any memory where there is none)."""
        bias = np.zeros(self.y.blocks * self.block, np.float32)
        if self.bias is not None:
            bias[: self.bias.size] = self.bias
        packed = constant(bias)
        return packed, packed if self.residual is None else read(3)

    def flattened(self) -> Convolution:
        """A 1x1 convolution of stride 1 sees an image as one row, which makes better tiles."""
        unit = self.kernel == (1, 1) and self.strides == (1, 1) and not self.padded
        if not unit or self.x.layout != "blocked":
            return self
        return replace(
            self,
            x=_one_row(self.x),
            y=_one_row(self.y),
            residual=self.residual and _one_row(self.residual),
        )


def _one_row(spec: Spec) -> Spec:
    n, c, h, w = spec.shape
    return replace(spec, shape=(n, c, 1, h * w), batch_stride=spec.stride)


def _ints(values: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _pair(values: Sequence[Any]) -> tuple[int, int]:
    first, second = _ints(values)
    return first, second
