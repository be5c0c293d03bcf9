"""Binaries: built programs kept on disk: found by a key, checked by hash, the longest unused dropped first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from platformdirs import user_cache_path

from engine import jsonfile

LIMIT = 256 << 20  # bytes
_HASH = 32


class Binaries:
    """A folder of programs. Whatever goes wrong with a file, the program is just not there."""

    def __init__(self, folder: Path | None = None, limit: int = LIMIT) -> None:
        self._folder = folder or user_cache_path("hetero") / "programs"
        self._limit = limit

    def load(self, *key: str) -> bytes | None:
        """A program that was stored under these texts, None where there is none or it is damaged."""
        path = self._path(key)
        with suppress(OSError):
            content = path.read_bytes()
            if sha256(content[_HASH:]).digest() == content[:_HASH]:
                path.touch()  # its time is that of its last use
                return content[_HASH:]
            path.unlink()
        return None

    def store(self, program: bytes, *key: str) -> None:
        """Keep a program, and drop others where the folder grows too large."""
        with suppress(OSError):  # a full disk or a folder that may not be written: then there is no cache
            jsonfile.write(self._path(key), sha256(program).digest() + program)
            self._shrink()

    def drop(self, *key: str) -> None:
        """Forget a program that the driver refused."""
        with suppress(OSError):
            self._path(key).unlink()

    def _path(self, key: tuple[str, ...]) -> Path:
        return self._folder / f"{sha256(chr(0).join(key).encode()).hexdigest()}.bin"

    def _shrink(self) -> None:
        kept = 0
        for _, size, path in sorted(self._files(), reverse=True):
            kept += size
            if kept > self._limit:
                path.unlink()

    def _files(self) -> Iterator[tuple[int, int, Path]]:
        for path in self._folder.glob("*.bin"):
            found = path.stat()
            yield found.st_mtime_ns, found.st_size, path
