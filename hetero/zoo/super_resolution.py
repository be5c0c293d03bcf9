"""Super-resolution: Shi and others, "Real-Time Single Image and Video Super-Resolution" (2016), by a factor of 3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hetero.zoo.layers import Layers

if TYPE_CHECKING:
    import onnx

_FACTOR = 3
_SIZE = 224


def build(seed: int = 0, batch: int = 1) -> onnx.ModelProto:
    """The network for the brightness of 224 x 224 frames, with one layer of 64 channels more, as others have it."""
    net = Layers("super_resolution", seed, (batch, 1, _SIZE, _SIZE))
    x = net.relu(net.conv(net.input, "conv1", 64, 5, pad=2))
    x = net.relu(net.conv(x, "conv2", 64, 3, pad=1))
    x = net.relu(net.conv(x, "conv3", 32, 3, pad=1))
    x = net.conv(x, "conv4", _FACTOR * _FACTOR, 3, pad=1)
    x = net.depth_to_space(x, "pixels", _FACTOR)
    return net.model(x, (batch, 1, _FACTOR * _SIZE, _FACTOR * _SIZE))
