"""Slots: memory for frames in flight: what crosses from stage to stage, one set a frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.devices.device import Device, Memory
from hetero.memory.shared import Shared, share

Bytes = np.ndarray[Any, Any]


@dataclass
class Slot:
    """One frame's memory: for every tensor that crosses a stage's border, where each device sees it.

    Slots of one stream have different numbers.
    `outputs` are the frame's where they were found otherwise than by its stages, which then have nothing to do.
    """

    number: int
    memory: dict[str, dict[str, Memory]] = field(default_factory=dict)  # tensor -> device key -> memory
    shared: dict[str, Shared] = field(default_factory=dict)
    outputs: dict[str, Bytes] | None = None

    def host(self, tensor: str, nbytes: int) -> Bytes:
        """The tensor's bytes as the host sees them."""
        shared = self.shared.get(tensor)
        if shared is not None:
            return shared.host[:nbytes]
        memory = self.memory[tensor]["cpu"]
        return np.asarray(memory.base[memory.offset : memory.offset + nbytes])


def make_slot(
    devices: Mapping[str, Device],
    tensors: Mapping[str, int],
    users: Mapping[str, Iterable[str]],
    number: int = 0,
    checked: bool = False,
) -> Slot:
    """Memory for every tensor (name -> bytes), for the devices that use it (name -> device keys).

    What both devices use is shared, its ownership `checked` or not; the rest is the one device's own.
    """
    slot = Slot(number)
    for name, nbytes in tensors.items():
        keys = set(users[name])
        if keys == {"cpu", "gpu"}:
            gpu: Any = devices["gpu"]
            shared = share(gpu, nbytes, slot=number, checked=checked)
            slot.shared[name] = shared
            slot.memory[name] = {"cpu": Memory(shared.host), "gpu": shared.memory}
        else:
            (key,) = keys
            slot.memory[name] = {key: Memory(devices[key].allocate(nbytes))}
    return slot
