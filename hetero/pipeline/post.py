"""Post: how a device is served."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Post:
    """A device's workers.

    streams   stages that it runs at once, each of a worker's own
    ahead     further stages that each worker begins before the first of them has ended
    """

    streams: int = 1
    ahead: int = 0
