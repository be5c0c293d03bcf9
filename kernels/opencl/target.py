"""GpuTarget: what a lowering may know about an OpenCL device."""

from __future__ import annotations

from dataclasses import dataclass

from kernels.space import Asked


@dataclass(frozen=True)
class GpuTarget(Asked):
    """An OpenCL device, in the numbers that choose tiles.

    `simt` is False for an OpenCL runtime on CPU cores: there one work-item is a CPU thread's loop
    with wide registers, and work-groups of one item are best. `vector_width` is the float32 lanes of
    its native register. `local_memory` is in bytes. `prefetches`: its compiler knows Clang's
    __builtin_prefetch.
    """

    name: str
    simt: bool
    compute_units: int
    local_memory: int
    max_work_group: int
    vector_width: int = 8
    half: bool = False
    prefetches: bool = False

    @property
    def lanes(self) -> int:
        """Floats one work-item moves at a time where nothing else decides."""
        return 4 if self.simt else 8

    def block_lanes(self, block: int) -> int:
        """Lanes of a block that one work-item does: all of them on CPU cores."""
        return min(4, block) if self.simt else block
