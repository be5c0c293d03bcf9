"""Where compiled kernels are kept on disk: a folder for each state of the sources they are made from.

Numba compiles a kernel again when the file of its own function has changed, but not for a change in the
tiles and vectors it calls, and would go on running what they were.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import numba
from platformdirs import user_cache_path

SOURCES = Path(__file__).parent
KEPT = 4  # folders of other sources, such as another version's or another checkout's


@contextmanager
def kept() -> Iterator[None]:
    """What Numba compiles meanwhile is kept in the sources' folder, below NUMBA_CACHE_DIR where that is set."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder(before))
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


@cache
def folder(base: str, sources: Path = SOURCES) -> Path:
    """The folder of the sources as they are now; only the latest others stay beside it."""
    digest = hashlib.sha256()
    for file in sorted([*sources.glob("*.py"), *sources.parent.glob("*.py")]):
        digest.update(file.read_bytes())
    whole = (Path(base) if base else user_cache_path("hetero")) / "kernels"
    mine = whole / digest.hexdigest()[:16]
    with suppress(OSError):  # without a place to write, Numba says so itself
        mine.mkdir(parents=True, exist_ok=True)
        mine.touch()
        others = sorted((f for f in whole.iterdir() if f != mine), key=lambda f: f.stat().st_mtime, reverse=True)
        for old in others[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)
    return mine
