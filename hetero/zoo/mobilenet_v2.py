"""MobileNet v2: table 2 of Sandler and others, "MobileNetV2" (2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hetero.zoo.layers import Layers, Value

if TYPE_CHECKING:
    import onnx

# Of each row: expansion, channels, repeats, stride of the first.
_ROWS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


# A residual branch adds its variance to that of the shortcut; small ones keep ReLU6 from saturating.
_BRANCH_SCALE = 0.5
# Of the untrained classifier: large enough that photographs get clearly different answers.
_SHARPNESS = 8.0


def build(seed: int = 0, batch: int = 1, classes: int = 1000) -> onnx.ModelProto:
    """The network of width 1 for 224 x 224 frames."""
    net = Layers("mobilenet_v2", seed, (batch, 3, 224, 224))
    x = _unit(net, net.input, "stem", 32, 3, stride=2)
    number = 0
    for expansion, channels, repeats, first in _ROWS:
        for repeat in range(repeats):
            number += 1
            x = _bottleneck(net, x, f"block{number}", expansion, channels, first if repeat == 0 else 1)
    x = _unit(net, x, "head", 1280, 1)
    x = net.global_average_pool(x, "pool")
    x = net.softmax(net.dense(x, "classifier", classes, scale=_SHARPNESS))
    return net.model(x, (batch, classes))


def _unit(net: Layers, x: Value, name: str, channels: int, kernel: int, *, stride: int = 1, groups: int = 1) -> Value:
    x = net.conv(x, name, channels, kernel, stride=stride, pad=kernel // 2, groups=groups, bias=False)
    return net.relu6(net.batch_norm(x))


def _bottleneck(net: Layers, x: Value, name: str, expansion: int, channels: int, stride: int) -> Value:
    wide = x.channels * expansion
    y = x if expansion == 1 else _unit(net, x, f"{name}_expand", wide, 1)
    y = _unit(net, y, f"{name}_depthwise", wide, 3, stride=stride, groups=wide)
    y = net.conv(y, f"{name}_project", channels, 1, bias=False)
    if stride == 1 and x.channels == channels:
        return net.add(x, net.batch_norm(y, scale=_BRANCH_SCALE), name)
    return net.batch_norm(y)
