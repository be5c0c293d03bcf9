"""ResNet-50: table 1 of He and others, "Deep residual learning for image recognition" (2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hetero.zoo.layers import Layers, Value

if TYPE_CHECKING:
    import onnx

# Of each stage: the width inside a block (a block gives four times that), and how many blocks.
_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
# A residual branch adds its variance to that of the shortcut; a quarter of it keeps sixteen in range.
_BRANCH_SCALE = 0.5


# Of the untrained classifier: large enough that photographs get clearly different answers.
_SHARPNESS = 5.0


def build(seed: int = 0, batch: int = 1, classes: int = 1000) -> onnx.ModelProto:
    """The network for 224 x 224 frames; the stride of a stage lies in its first 3x3, as is usual today."""
    net = Layers("resnet50", seed, (batch, 3, 224, 224))
    x = net.relu(_unit(net, net.input, "conv1", 64, 7, stride=2))
    x = net.max_pool(x, "pool1", 3, 2, (1, 1, 1, 1))
    for stage, (width, blocks) in enumerate(_STAGES, start=2):
        for block in range(blocks):
            stride = 2 if block == 0 and stage > 2 else 1
            x = _bottleneck(net, x, f"res{stage}_{block + 1}", width, stride)
    x = net.global_average_pool(x, "pool5")
    x = net.softmax(net.dense(x, "classifier", classes, scale=_SHARPNESS))
    return net.model(x, (batch, classes))


def _unit(
    net: Layers, x: Value, name: str, channels: int, kernel: int, *, stride: int = 1, scale: float = 1.0
) -> Value:
    x = net.conv(x, name, channels, kernel, stride=stride, pad=kernel // 2, bias=False)
    return net.batch_norm(x, scale=scale)


def _bottleneck(net: Layers, x: Value, name: str, width: int, stride: int) -> Value:
    y = net.relu(_unit(net, x, f"{name}_a", width, 1))
    y = net.relu(_unit(net, y, f"{name}_b", width, 3, stride=stride))
    y = _unit(net, y, f"{name}_c", 4 * width, 1, scale=_BRANCH_SCALE)
    if x.channels != 4 * width:
        x = _unit(net, x, f"{name}_shortcut", 4 * width, 1, stride=stride)
    return net.relu(net.add(x, y, name))
