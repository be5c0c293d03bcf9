"""DenseNet-121: Huang and others, "Densely Connected Convolutional Networks" (2017), table 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hetero.zoo.layers import Layers, Value

if TYPE_CHECKING:
    import onnx

_BLOCKS = (6, 12, 24, 16)  # layers of each dense block
_GROWTH = 32  # channels that a layer adds
_NARROW = 4 * _GROWTH  # channels between a layer's two convolutions


# Of the untrained classifier: large enough that photographs get clearly different answers.
_SHARPNESS = 12.0


def build(seed: int = 0, batch: int = 1, classes: int = 1000) -> onnx.ModelProto:
    """The network for 224 x 224 frames."""
    net = Layers("densenet121", seed, (batch, 3, 224, 224))
    x = net.conv(net.input, "stem", 64, 7, stride=2, pad=3, bias=False)
    x = net.max_pool(_active(net, x), "stem_pool", 3, 2, (1, 1, 1, 1))
    for number, layers in enumerate(_BLOCKS, 1):
        for layer in range(1, layers + 1):
            x = _layer(net, x, f"block{number}_{layer}")
        if number < len(_BLOCKS):
            x = net.conv(_active(net, x), f"transition{number}", x.channels // 2, 1, bias=False)
            x = net.average_pool(x, f"transition{number}_pool", 2, 2)
    x = net.global_average_pool(_active(net, x), "pool")
    x = net.softmax(net.dense(x, "classifier", classes, scale=_SHARPNESS))
    return net.model(x, (batch, classes))


def _active(net: Layers, x: Value) -> Value:
    return net.relu(net.batch_norm(x))


def _layer(net: Layers, x: Value, name: str) -> Value:
    y = net.conv(_active(net, x), f"{name}_narrow", _NARROW, 1, bias=False)
    y = net.conv(_active(net, y), f"{name}_grow", _GROWTH, 3, pad=1, bias=False)
    return net.concat([x, y], name)
