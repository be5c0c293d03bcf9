"""The zoo's networks have the sizes of the papers' and tell photographs apart."""

from __future__ import annotations

import itertools
import math

import numpy as np
import onnx
import onnxruntime
import pytest

from engine.reference import truth
from hetero import zoo
from hetero.bench import relative_error
from hetero.demo import photographs
from hetero.images import preprocessor

# Numbers to learn, as published with the papers; batch normalisation's two statistics included.
PARAMETERS = {
    "densenet121": 7_978_856 + 2 * 41_824,
    "googlenet": 6_998_552,
    "mobilenet_v2": 3_504_872 + 2 * 17_056,
    "resnet50": 25_557_032 + 2 * 26_560,
    "shufflenet_v2": 2_278_604 + 2 * 8_090,
    "squeezenet": 1_235_496,
    "super_resolution": 59_657,
}
CLASSIFIERS = [name for name in zoo.names() if name != "super_resolution"]


def outputs(model: onnx.ModelProto, frames: list[np.ndarray]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [session.run(None, {"data": frame})[0].reshape(-1) for frame in frames]


@pytest.mark.parametrize("name", zoo.names())
def test_is_a_valid_model(name: str) -> None:
    onnx.checker.check_model(zoo.build(name), full_check=True)


@pytest.mark.parametrize("name", zoo.names())
def test_has_as_many_parameters_as_the_paper(name: str) -> None:
    weights = [w for w in zoo.build(name).graph.initializer if w.dims and w.data_type == onnx.TensorProto.FLOAT]
    assert sum(math.prod(w.dims) for w in weights) == PARAMETERS[name]


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_answers_differ_from_photograph_to_photograph(name: str) -> None:
    prepare = preprocessor((1, 3, 224, 224))
    found = outputs(zoo.build(name), [prepare(photograph) for photograph in photographs()])
    for probabilities in found:
        assert probabilities.size == 1000
        assert probabilities.sum() == pytest.approx(1, abs=1e-4)
        assert 2 / 1000 < probabilities.max() < 0.9  # neither flat nor saturated
    for one, other in itertools.combinations(found, 2):
        assert np.abs(one - other).max() > 0.3 * max(one.max(), other.max())


def test_the_reference_and_onnxruntime_agree() -> None:
    model = zoo.build("squeezenet")
    frame = np.random.default_rng(1).standard_normal((1, 3, 224, 224), dtype=np.float32)
    want = truth(model, {"data": frame})
    (got,) = outputs(model, [frame])
    assert relative_error({"prob": got}, want) < 1e-5


def test_the_seed_decides_the_weights() -> None:
    first, again, other = (zoo.build("squeezenet", seed).SerializeToString() for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_an_unknown_network_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'googlnet'.*squeezenet.*; did you mean 'googlenet'\?"):
        zoo.build("googlnet")
