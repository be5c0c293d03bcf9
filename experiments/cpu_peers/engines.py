"""Engines: each a function from a model's file and a number of threads to a function from frame to output."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Infer = Callable[[Array], Any]
SHAPE = (1, 3, 224, 224)


def hetero(path: Path, threads: int) -> Infer:
    """Ours."""
    from hetero import Session

    session = Session(path, "cpu", threads=threads)
    return lambda x: next(iter(session(x).values()))


def onnxruntime(path: Path, threads: int) -> Infer:
    """ONNX Runtime, its CPU provider."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def openvino(path: Path, threads: int) -> Infer:
    """OpenVINO, float32; unpinned, or every process would pin its first thread to the same core."""
    import openvino as ov

    core = ov.Core()
    words = {
        "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False,
    }  # fmt: skip
    request = core.compile_model(core.read_model(path), "CPU", words).create_infer_request()
    return lambda x: request.infer({0: x}, share_inputs=True, share_outputs=True)[0]


def ncnn(path: Path, threads: int) -> Infer:
    """ncnn, float32 throughout, Winograd and packed layouts on, as by default."""
    import ncnn as engine

    base = path.with_suffix(".ncnn")
    if not Path(f"{base}.bin").exists():
        # pnnx's wheel asks for torch, but the program in it runs without.
        found = importlib.util.find_spec("pnnx")
        assert found is not None
        assert found.submodule_search_locations
        tool = Path(found.submodule_search_locations[0]) / "pnnx"
        shape = ",".join(map(str, SHAPE))
        command = [str(tool), path.name, f"inputshape=[{shape}]", "fp16=0"]
        subprocess.run(command, cwd=path.parent, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    net = engine.Net()
    net.opt.num_threads = threads
    for word in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_packed", "bf16_storage"):
        setattr(net.opt, f"use_{word}", False)
    net.load_param(f"{base}.param")
    net.load_model(f"{base}.bin")

    def infer(x: Array) -> Any:
        with net.create_extractor() as extractor:
            extractor.input("in0", engine.Mat(x[0]))
            return extractor.extract("out0")[1].numpy()

    return infer


def mnn(path: Path, threads: int) -> Infer:
    """MNN, precision high; converted by the function under its command, which would call home."""
    import MNN

    model = path.with_suffix(".mnn")
    if not model.exists():
        import _tools

        _tools.mnnconvert(["", "-f", "ONNX", "--modelFile", str(path), "--MNNModel", str(model), "--bizCode", "x"])
    net = MNN.Interpreter(str(model))
    session = net.createSession({"backend": "CPU", "precision": "high", "numThread": threads})
    source, out = net.getSessionInput(session), net.getSessionOutput(session)

    def infer(x: Array) -> Any:
        source.copyFrom(MNN.Tensor(SHAPE, MNN.Halide_Type_Float, x, MNN.Tensor_DimensionType_Caffe))
        net.runSession(session)
        return out.getNumpyData().copy()

    return infer


ENGINES: dict[str, Callable[[Path, int], Infer]] = {
    "hetero": hetero, "onnxruntime": onnxruntime, "openvino": openvino, "ncnn": ncnn, "mnn": mnn,
}  # fmt: skip
DISTRIBUTIONS = {"hetero": "numba", "onnxruntime": "onnxruntime", "openvino": "openvino", "ncnn": "ncnn", "mnn": "MNN"}
