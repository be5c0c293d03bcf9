"""ShuffleNet v2: Ma and others, "ShuffleNet V2" (2018), figure 3 and table 5, width 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hetero.zoo.layers import Layers, Value

if TYPE_CHECKING:
    import onnx

_STAGES = ((116, 4, 28), (232, 8, 14), (464, 4, 7))  # channels, units, size of the image


# Of the untrained classifier: large enough that photographs get clearly different answers.
_SHARPNESS = 8.0
# Of normalisation before a Relu: keeps what sets photographs apart from fading, layer by layer.
_GAIN = 1.1


def build(seed: int = 0, batch: int = 1, classes: int = 1000) -> onnx.ModelProto:
    """The network for 224 x 224 frames."""
    net = Layers("shufflenet_v2", seed, (batch, 3, 224, 224))
    x = _unit(net, net.input, "stem", 24, 3, stride=2)
    x = net.max_pool(x, "stem_pool", 3, 2, (1, 1, 1, 1))
    for number, (channels, units, size) in enumerate(_STAGES, 2):
        x = _down(net, x, f"stage{number}_1", channels, size)
        for unit in range(2, units + 1):
            x = _basic(net, x, f"stage{number}_{unit}", size)
    x = _unit(net, x, "head", 1024, 1)
    x = net.global_average_pool(x, "pool")
    x = net.softmax(net.dense(x, "classifier", classes, scale=_SHARPNESS))
    return net.model(x, (batch, classes))


def _unit(net: Layers, x: Value, name: str, channels: int, kernel: int, *, stride: int = 1) -> Value:
    x = net.conv(x, name, channels, kernel, stride=stride, pad=kernel // 2, bias=False)
    return net.relu(net.batch_norm(x, scale=_GAIN))


def _depthwise(net: Layers, x: Value, name: str, *, stride: int = 1) -> Value:
    return net.batch_norm(net.conv(x, name, x.channels, 3, stride=stride, pad=1, groups=x.channels, bias=False))


def _basic(net: Layers, x: Value, name: str, size: int) -> Value:
    """Half of the channels pass on as they are."""
    kept, y = net.halves(x, f"{name}_split")
    y = _unit(net, y, f"{name}_in", y.channels, 1)
    y = _unit(net, _depthwise(net, y, f"{name}_depthwise"), f"{name}_out", y.channels, 1)
    return net.shuffle(net.concat([kept, y], f"{name}_join"), name, 2, size)


def _down(net: Layers, x: Value, name: str, channels: int, size: int) -> Value:
    """Both branches see all channels, and halve the image."""
    half = channels // 2
    a = _unit(net, _depthwise(net, x, f"{name}_left", stride=2), f"{name}_left_out", half, 1)
    b = _unit(net, x, f"{name}_in", half, 1)
    b = _unit(net, _depthwise(net, b, f"{name}_depthwise", stride=2), f"{name}_out", half, 1)
    return net.shuffle(net.concat([a, b], f"{name}_join"), name, 2, size)
