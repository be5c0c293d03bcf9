"""Worker: the process whose memory is measured: one engine, one thread, ten frames."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np

from experiments.cpu_peers.engines import ENGINES, SHAPE
from experiments.cpu_peers.worker import peak_memory

LIBRARIES = {"hetero": ("onnx", "hetero.session", "kernels.ops.conv"), "onnxruntime": ("onnxruntime",)}
FRAMES = 10


def main(engine: str, path: str) -> None:
    """Print the peak with the engine's libraries loaded, and after the frames."""
    for library in LIBRARIES[engine]:
        import_module(library)
    base = peak_memory()
    infer = ENGINES[engine](Path(path), 1)
    frame = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    for _ in range(FRAMES):
        infer(frame)
    print(json.dumps([base, peak_memory()]))


if __name__ == "__main__":
    main(*sys.argv[1:])
