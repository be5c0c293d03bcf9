"""Sinks: where the outputs of a stream are kept, written as they come so that no stream is too long."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from hetero.images import annotate
from hetero.sources import Frame, VideoWriter

_USUAL_FPS = 25.0


class Sink:
    """Takes results in order; this one keeps nothing. `lines` is how many classes it wants named."""

    lines = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(
        self, index: int, frame: Frame, outputs: Mapping[str, np.ndarray[Any, Any]], lines: Sequence[str]
    ) -> None:
        """Keeps one result: the frame, what the network gave, and what that means in words."""

    def close(self) -> None:
        """Ends the file."""


class Npz(Sink):
    """A NumPy archive with one array for every output and frame, named output_000000 and so on."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w")

    def write(
        self, index: int, frame: Frame, outputs: Mapping[str, np.ndarray[Any, Any]], lines: Sequence[str]
    ) -> None:
        """Appends the frame's outputs."""
        for name, array in outputs.items():
            with self._zip.open(f"{name}_{index:06d}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)

    def close(self) -> None:
        """Writes the archive's directory."""
        self._zip.close()


class AnnotatedVideo(Sink):
    """The frames again, with what the network found written on them."""

    lines = 3

    def __init__(self, path: Path, fps: float) -> None:
        self._writer = VideoWriter(path, fps)

    def write(
        self, index: int, frame: Frame, outputs: Mapping[str, np.ndarray[Any, Any]], lines: Sequence[str]
    ) -> None:
        """Appends the frame, annotated."""
        self._writer.write(annotate(frame, lines))

    def close(self) -> None:
        """Ends the video."""
        self._writer.close()


def open_sink(path: Path | None, fps: float | None) -> Sink:
    """The sink for a file's ending: .npz for the outputs, .mp4 for an annotated video."""
    if path is None:
        return Sink()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} to save {path.name} in: make it first")
    if path.suffix == ".npz":
        return Npz(path)
    if path.suffix == ".mp4":
        return AnnotatedVideo(path, fps or _USUAL_FPS)
    raise ValueError(f"cannot save to {path}: expected a name ending in .npz (outputs) or .mp4 (annotated video)")
