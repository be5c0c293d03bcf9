"""torchvision's networks with seeded weights, and the same as ONNX files, exported on the spot."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

NAMES = ("googlenet", "squeezenet1_1", "mobilenet_v2", "resnet50", "densenet121", "shufflenet_v2_x1_0")


def build(name: str) -> Any:
    """A network of torchvision in evaluation mode, its weights and its normalisations' statistics drawn from seed 0."""
    import torch
    import torchvision

    torch.manual_seed(0)
    more = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    network = getattr(torchvision.models, name)(weights=None, **more).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network


def export(network: Any, batch: int, path: Path) -> Path:
    """The network as an ONNX file for frames of `batch` images."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, torch.zeros(batch, 3, 224, 224), path, opset_version=17, dynamo=False)
    return path
