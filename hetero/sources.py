"""Sources: frames from a video file, an image, a folder of images or a camera, one at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]

_IMAGES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


class Source(Protocol):
    """Frames in order, as RGB of shape (height, width, 3), read as they are asked for.

    `fps` and `count` are what the file says, None where it says nothing. Made to be walked once.
    """

    name: str
    fps: float | None
    count: int | None

    def __iter__(self) -> Iterator[Frame]: ...

    def title(self, index: int) -> str:
        """What to call a frame."""
        ...

    def close(self) -> None:
        """Gives back the file or camera."""
        ...


def open_source(source: str | int | Path) -> Source:
    """The frames of a video file, an image, a folder, or the camera of a number.

    What cannot be read is refused here and not at the first frame.
    """
    text = str(source)
    if text.isdecimal():
        return Video(int(text))
    path = Path(text)
    if path.is_dir():
        return Images(path)
    if not path.exists():
        raise FileNotFoundError(
            f"no source at {path}: expected a video file, an image, a folder of images or a camera's number"
        )
    return Images(path) if path.suffix.lower() in _IMAGES else Video(path)


class Images:
    """One image, or those of a folder in the order of their names."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.fps: float | None = None
        if path.is_dir():
            self._paths = sorted(p for p in path.iterdir() if p.suffix.lower() in _IMAGES and p.is_file())
            if not self._paths:
                raise ValueError(f"no images in {path}: expected files ending in {', '.join(_IMAGES)}")
        else:
            self._paths = [path]
        self.count: int | None = len(self._paths)
        read_image(self._paths[0])

    def __iter__(self) -> Iterator[Frame]:
        return map(read_image, self._paths)

    def title(self, index: int) -> str:
        """The file's name."""
        return self._paths[index].name

    def close(self) -> None:
        """Nothing is held open."""


class Video:
    """A video file, or a camera where its number is given."""

    def __init__(self, source: Path | int) -> None:
        cv2 = _opencv()
        camera = isinstance(source, int)
        self.name = f"camera {source}" if camera else str(source)
        if not camera and not os.access(source, os.R_OK):
            raise PermissionError(f"{source} may not be read: check its permissions")
        self._capture = cv2.VideoCapture(source if camera else str(source))
        if not self._capture.isOpened():
            self._capture.release()
            if camera:
                raise OSError(f"{self.name} does not open: check that it is connected and that nobody else uses it")
            raise ValueError(f"{source} is neither a video nor an image that OpenCV can decode, or it is cut off")
        self.fps = self._number(cv2.CAP_PROP_FPS)
        frames = None if camera else self._number(cv2.CAP_PROP_FRAME_COUNT)
        self.count = None if frames is None else round(frames)
        self._first = self._read()
        if self._first is None:
            self.close()
            raise ValueError(f"{self.name} opens but gives no frame: expected at least one that OpenCV can decode")

    def __iter__(self) -> Iterator[Frame]:
        frame, self._first = self._first, None
        while frame is not None:
            yield frame
            frame = self._read()

    def title(self, index: int) -> str:
        """The frame's number."""
        return f"frame {index}"

    def close(self) -> None:
        """Closes the file or the camera."""
        self._capture.release()

    def _number(self, property_id: int) -> float | None:
        value = float(self._capture.get(property_id))
        return value if np.isfinite(value) and value > 0 else None

    def _read(self) -> Frame | None:
        good, picture = self._capture.read()
        return _rgb(picture) if good else None


class VideoWriter:
    """An mp4 file in the making; every frame has the size of the first."""

    def __init__(self, path: str | Path, fps: float) -> None:
        self.path = Path(path)
        self.fps = fps
        self._writer: Any = None
        self._shape: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, frame: Frame) -> None:
        """Appends an RGB frame."""
        cv2 = _opencv()
        if self._writer is None:
            height, width = frame.shape[:2]
            code = cv2.VideoWriter.fourcc(*"mp4v")  # the one codec for mp4 that OpenCV's wheels all have
            self._writer = cv2.VideoWriter(str(self.path), code, self.fps, (width, height))
            self._shape = frame.shape
            if not self._writer.isOpened():
                raise OSError(f"cannot write a video to {self.path}: check the folder, and that the name ends in .mp4")
        if frame.shape != self._shape:
            raise ValueError(
                f"{self.path} holds frames of shape {self._shape}, and now got {frame.shape}: "
                "expected all frames to have one size"
            )
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Ends the file."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None


def read_image(path: Path) -> Frame:
    """One image file, upright as its camera was held."""
    cv2 = _opencv()
    if not path.exists():
        raise FileNotFoundError(f"no image at {path}")
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{path} is not an image that OpenCV can decode, or it is cut off")
    return _rgb(picture)


def _rgb(picture: Any) -> Frame:
    cv2 = _opencv()
    return cast("Frame", cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def _opencv() -> ModuleType:
    # Its decoders otherwise write their own complaints to stderr, beside the one line that we give.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    return cv2
