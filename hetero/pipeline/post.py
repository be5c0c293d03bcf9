"""Post: how a device is served."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Post:
    """A device's workers.

    streams   stages that it runs at once, each of a worker's own
    ahead     further stages that each worker begins before the first of them has ended
    cores     of the machine, that its workers stay on; any where none are named
    """

    streams: int = 1
    ahead: int = 0
    cores: Collection[int] = ()
