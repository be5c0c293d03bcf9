"""Sliding windows: attributes completed, pads resolved, sizes of outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def complete(attributes: Mapping[str, Any], image: Sequence[int], kernel: Sequence[int]) -> dict[str, Any]:
    """kernel_shape, strides, dilations and pads (begins, then ends) in full; auto_pad resolved to pads."""
    rank = len(image)
    strides = tuple(attributes.get("strides", (1,) * rank))
    dilations = tuple(attributes.get("dilations", (1,) * rank))
    pads = tuple(attributes.get("pads", (0,) * 2 * rank))
    auto = attributes.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        total = [
            max(0, (-(-size // step) - 1) * step + (window - 1) * apart + 1 - size)
            for size, window, step, apart in zip(image, kernel, strides, dilations, strict=True)
        ]
        less, more = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
        pads = less + more if auto == "SAME_UPPER" else more + less
    elif auto == "VALID":
        pads = (0,) * 2 * rank
    return {"kernel_shape": tuple(kernel), "strides": strides, "dilations": dilations, "pads": pads}


def output_size(window: Mapping[str, Any], image: Sequence[int], ceil_mode: bool = False) -> tuple[int, ...]:
    """Height and width (or whatever there is) of the output, as ONNX defines them.

    With ceil_mode no window starts in the padding behind the image.
    """
    rank = len(image)
    sizes = []
    for k, size in enumerate(image):
        step, begin, end = window["strides"][k], window["pads"][k], window["pads"][k + rank]
        room = size + begin + end - (window["kernel_shape"][k] - 1) * window["dilations"][k] - 1
        count = (-(-room // step) if ceil_mode else room // step) + 1
        if ceil_mode and (count - 1) * step >= size + begin:
            count -= 1
        sizes.append(count)
    return tuple(sizes)


def transposed(
    attributes: Mapping[str, Any], image: Sequence[int], kernel: Sequence[int]
) -> tuple[dict[str, Any], tuple[int, ...]]:
    """A transposed convolution's attributes in full, and the height and width of its output.

    Where the output's size is given (or auto_pad gives it), the pads follow from it.
    """
    rank = len(image)
    strides = tuple(attributes.get("strides", (1,) * rank))
    dilations = tuple(attributes.get("dilations", (1,) * rank))
    extra = tuple(attributes.get("output_padding", (0,) * rank))
    pads = tuple(attributes.get("pads", (0,) * 2 * rank))
    auto = attributes.get("auto_pad", "NOTSET")
    reach = [
        step * (size - 1) + more + (window - 1) * apart + 1
        for size, step, more, window, apart in zip(image, strides, extra, kernel, dilations, strict=True)
    ]
    size = attributes.get("output_shape")
    if size is None and auto in ("SAME_UPPER", "SAME_LOWER"):
        size = [length * step for length, step in zip(image, strides, strict=True)]
    if size is not None:
        total = [a - b for a, b in zip(reach, size, strict=True)]
        less, rest = tuple(t // 2 for t in total), tuple(t - t // 2 for t in total)
        pads = less + rest if auto == "SAME_UPPER" else rest + less
    elif auto == "VALID":
        pads = (0,) * 2 * rank
    full = {"kernel_shape": tuple(kernel), "strides": strides, "dilations": dilations, "pads": pads}
    return full, tuple(reach[k] - pads[k] - pads[k + rank] for k in range(rank))
