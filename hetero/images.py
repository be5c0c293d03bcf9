"""Images: from a camera's frame to a network's input, and from its output to named classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hetero.sources import Frame

Array = np.ndarray[Any, Any]

# What a symbolic height or width becomes: the size that nearly all classifiers were trained at.
USUAL_SIZE = 224


@dataclass(frozen=True)
class Preset:
    """How pixels (0 to 255) become a network's numbers: (pixel - mean) / deviation, per channel."""

    order: Literal["rgb", "bgr", "luma"]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    crop: bool = True
    summary: str = ""


PRESETS: Mapping[str, Preset] = {
    "imagenet": Preset(
        "rgb",
        (123.675, 116.28, 103.53),
        (58.395, 57.12, 57.375),
        summary="RGB, ImageNet's mean and deviation",
    ),
    "caffe": Preset("bgr", (104.0, 117.0, 123.0), (1.0, 1.0, 1.0), summary="BGR minus (104, 117, 123)"),
    "unit": Preset("rgb", (0.0,) * 3, (255.0,) * 3, summary="RGB / 255"),
    "raw": Preset("rgb", (0.0,) * 3, (1.0,) * 3, summary="RGB, 0 to 255"),
    "ultraface": Preset("rgb", (127.0,) * 3, (128.0,) * 3, crop=False, summary="(RGB - 127) / 128, not cropped"),
    "y": Preset("luma", (0.0,), (255.0,), summary="luma / 255"),
}


class Preprocessor:
    """Turns an RGB frame of any size into a network's input, NCHW with a batch of one.

    The centre square is cut out (a rectangle of the network's proportions, where its input is not
    square) and resized with the antialiased bilinear filter that networks are trained with.
    """

    def __init__(self, preset: Preset, height: int, width: int, dtype: np.dtype[Any]) -> None:
        self.preset = preset
        self.size = (width, height)
        self.dtype = dtype
        self._scale = [np.float32(1 / deviation) for deviation in preset.deviation]
        self._shift = [
            np.float32(-mean / deviation) for mean, deviation in zip(preset.mean, preset.deviation, strict=True)
        ]

    def __call__(self, frame: Frame) -> Array:
        """The input for one frame."""
        from PIL import Image

        image = Image.fromarray(frame)
        if self.preset.order == "luma":
            image = image.convert("L")
        if self.preset.crop:
            # Cut first: a resize with a box would let pixels from outside it bleed into the edges.
            image = image.crop(self._box(image.width, image.height))
        pixels = np.asarray(image.resize(self.size, Image.Resampling.BILINEAR))
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        if self.preset.order == "bgr":
            pixels = pixels[..., ::-1]
        result = np.empty((1, len(self._scale), *pixels.shape[:2]), np.float32)
        for channel, (scale, shift) in enumerate(zip(self._scale, self._shift, strict=True)):
            np.multiply(pixels[..., channel], scale, out=result[0, channel])
            result[0, channel] += shift
        return result.astype(self.dtype, copy=False)

    def _box(self, width: int, height: int) -> tuple[int, int, int, int]:
        wanted_width, wanted_height = self.size
        side = min(width / wanted_width, height / wanted_height)
        cut_width, cut_height = round(side * wanted_width), round(side * wanted_height)
        left, top = (width - cut_width) // 2, (height - cut_height) // 2
        return left, top, left + cut_width, top + cut_height


def one_input(session: Any) -> tuple[Sequence[int | str], Any]:
    """Shape and dtype of a session's only input. Raises ValueError where there are several."""
    if len(session.inputs) != 1:
        wanted = ", ".join(i.name for i in session.inputs)
        raise ValueError(f"the network has {len(session.inputs)} inputs ({wanted}): expected one to feed frames to")
    return session.inputs[0].shape, session.inputs[0].dtype


def preprocessor(
    shape: Sequence[int | str], dtype: Any = np.float32, name: str = "auto", what: str = "the input"
) -> Preprocessor:
    """The preprocessor for an input of a shape, by the name of a preset.

    "auto" takes "y" for one channel; for three "raw" where the input is of integers, "caffe" at
    227 x 227 (a size only networks from Caffe have), "ultraface" where the input is no square (a
    detector's), and "imagenet" otherwise. A symbolic batch becomes 1, a symbolic side 224.
    """
    if name != "auto" and name not in PRESETS:
        raise ValueError(f"unknown preprocessing {name!r}: expected auto or one of {', '.join(PRESETS)}")
    if len(shape) != 4 or shape[1] not in (1, 3):
        raise ValueError(f"{what} has shape {_written(shape)}: expected (1, 3, H, W) or (1, 1, H, W) to feed it frames")
    if isinstance(shape[0], int) and shape[0] != 1:
        raise ValueError(f"{what} has shape {_written(shape)}: expected a batch of 1 to feed it frame by frame")
    height, width = (side if isinstance(side, int) else USUAL_SIZE for side in shape[2:])
    kind = np.dtype(dtype)
    preset = PRESETS[_automatic(shape[1], height, width, kind) if name == "auto" else name]
    if len(preset.mean) != shape[1]:
        raise ValueError(
            f"preprocessing {name!r} gives {len(preset.mean)} channels, but {what} of shape "
            f"{_written(shape)} has {shape[1]}: try {'y' if shape[1] == 1 else 'imagenet'}"
        )
    return Preprocessor(preset, height, width, kind)


def _automatic(channels: int | str, height: int, width: int, dtype: np.dtype[Any]) -> str:
    if channels == 1:
        return "y"
    if dtype.kind in "iu":
        return "raw"
    if height != width:
        return "ultraface"
    return "caffe" if height == 227 else "imagenet"


def _written(shape: Sequence[int | str]) -> str:
    return "(" + ", ".join(str(side) for side in shape) + ")"


_WORDNET = re.compile(r"n\d{8}\s+")


def read_labels(path: str | Path) -> list[str]:
    """The classes a file names, one a line; a WordNet number before a name is left out."""
    file = Path(path)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise FileNotFoundError(f"no labels at {file}: expected a text file with one class a line") from None
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not text: expected labels, one class a line, in UTF-8") from None
    labels = [_WORDNET.sub("", line.strip(), count=1) for line in lines if line.strip()]
    if not labels:
        raise ValueError(f"{file} is empty: expected labels, one class a line")
    return labels


@dataclass(frozen=True)
class Ranked:
    """One class that a network found: its number, how sure, and its name where it has one."""

    index: int
    score: float
    label: str | None = None

    def __str__(self) -> str:
        return f"{self.label if self.label is not None else f'class {self.index}'} {self.score:.4f}"


def scores(outputs: Mapping[str, Array]) -> Array | None:
    """The first output as one number a class, or None where it is no such vector."""
    first = next(iter(outputs.values()))
    return first.reshape(-1) if first.size > 1 and first.size == max(first.shape) else None


def top(vector: Array, count: int, labels: Sequence[str] | None = None) -> tuple[Ranked, ...]:
    """The classes with the highest scores, best first, and the lower number first among equals."""
    if labels is not None and len(labels) != vector.size:
        raise ValueError(f"the network tells {vector.size} classes apart, but there are {len(labels)} labels")
    best = np.argsort(-vector, kind="stable")[:count]
    return tuple(Ranked(int(i), float(vector[i]), None if labels is None else labels[i]) for i in best)


def annotate(frame: Frame, lines: Sequence[str]) -> Frame:
    """A copy of a frame with lines of text in its upper left corner, legible on any ground."""
    import cv2

    picture = frame.copy()
    size = max(0.4, frame.shape[0] / 720)
    step = round(32 * size)
    for number, line in enumerate(lines, start=1):
        text = line.encode("ascii", "replace").decode()  # the only letters that OpenCV's fonts have
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            at = (round(10 * size), number * step)
            cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness, cv2.LINE_AA)
    return picture
