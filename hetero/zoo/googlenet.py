"""GoogLeNet: Inception v1, from table 1 of Szegedy and others, "Going deeper with convolutions" (2014)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hetero.zoo.layers import Layers, Value

if TYPE_CHECKING:
    import onnx

# Of each module: 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, pool projected.
_MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
_POOL_AFTER = ("3b", "4e")
# Strides of 2 that round up, as the paper's sizes 112, 56, 28, 14 and 7 need.
_HALVE = (0, 0, 1, 1)


# Of the untrained classifier: large enough that photographs get clearly different answers.
_SHARPNESS = 32.0


def build(seed: int = 0, batch: int = 1, classes: int = 1000) -> onnx.ModelProto:
    """The network for 224 x 224 frames, without the two classifiers that only training uses."""
    net = Layers("googlenet", seed, (batch, 3, 224, 224))
    x = net.relu(net.conv(net.input, "conv1", 64, 7, stride=2, pad=3))
    x = net.max_pool(x, "pool1", 3, 2, _HALVE)
    x = net.local_response_norm(x, "norm1")
    x = net.relu(net.conv(x, "conv2_reduce", 64, 1))
    x = net.relu(net.conv(x, "conv2", 192, 3, pad=1))
    x = net.local_response_norm(x, "norm2")
    x = net.max_pool(x, "pool2", 3, 2, _HALVE)
    for name, widths in _MODULES.items():
        x = _inception(net, x, f"inception_{name}", widths)
        if name in _POOL_AFTER:
            x = net.max_pool(x, f"pool_{name}", 3, 2, _HALVE)
    x = net.global_average_pool(x, "pool5")
    x = net.dropout(x, "dropout")
    x = net.softmax(net.dense(x, "classifier", classes, scale=_SHARPNESS))
    return net.model(x, (batch, classes))


def _inception(net: Layers, x: Value, name: str, widths: tuple[int, ...]) -> Value:
    one, three_reduced, three, five_reduced, five, projected = widths
    a = net.relu(net.conv(x, f"{name}_1x1", one, 1))
    b = net.relu(net.conv(x, f"{name}_3x3_reduce", three_reduced, 1))
    b = net.relu(net.conv(b, f"{name}_3x3", three, 3, pad=1))
    c = net.relu(net.conv(x, f"{name}_5x5_reduce", five_reduced, 1))
    c = net.relu(net.conv(c, f"{name}_5x5", five, 5, pad=2))
    d = net.max_pool(x, f"{name}_pool", 3, 1, (1, 1, 1, 1))
    d = net.relu(net.conv(d, f"{name}_project", projected, 1))
    return net.concat([a, b, c, d], name)
