"""SqueezeNet 1.1: Iandola and others, "SqueezeNet" (2016), with the authors' later, cheaper first stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hetero.zoo.layers import Layers, Value

if TYPE_CHECKING:
    import onnx

# Of each fire module: squeezed, expanded by 1x1 and by 3x3 alike.
_FIRES = {
    2: (16, 64),
    3: (16, 64),
    4: (32, 128),
    5: (32, 128),
    6: (48, 192),
    7: (48, 192),
    8: (64, 256),
    9: (64, 256),
}
_POOL_AFTER = (3, 5)
_NO_PAD = (0, 0, 0, 0)


# Of the untrained classifier: large enough that photographs get clearly different answers.
_SHARPNESS = 90.0


def build(seed: int = 0, batch: int = 1, classes: int = 1000) -> onnx.ModelProto:
    """The network for 224 x 224 frames."""
    net = Layers("squeezenet", seed, (batch, 3, 224, 224))
    x = net.relu(net.conv(net.input, "conv1", 64, 3, stride=2))
    x = net.max_pool(x, "pool1", 3, 2, _NO_PAD)
    for number, (squeezed, expanded) in _FIRES.items():
        x = _fire(net, x, f"fire{number}", squeezed, expanded)
        if number in _POOL_AFTER:
            x = net.max_pool(x, f"pool{number}", 3, 2, _NO_PAD)
    x = net.dropout(x, "dropout")
    x = net.conv(x, "conv10", classes, 1, scale=_SHARPNESS)
    x = net.softmax(net.global_average_pool(x, "pool10"))
    return net.model(x, (batch, classes, 1, 1))


def _fire(net: Layers, x: Value, name: str, squeezed: int, expanded: int) -> Value:
    x = net.relu(net.conv(x, f"{name}_squeeze", squeezed, 1))
    a = net.relu(net.conv(x, f"{name}_1x1", expanded, 1))
    b = net.relu(net.conv(x, f"{name}_3x3", expanded, 3, pad=1))
    return net.concat([a, b], name)
