"""Ways: how bytes come from the host to an OpenCL device and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pyopencl as cl

from engine.devices.opencl import OpenClDevice
from hetero.memory.shared import Shared, share

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


class NotOfferedError(RuntimeError):
    """A way that an implementation does not offer."""


class Way(ABC):
    """Bytes that host and device use by turns.

    Launches that come after `up` find what the host wrote; when `down` returns the host finds what they
    wrote. Raises NotOfferedError where the implementation has no such memory.
    """

    host: Bytes
    argument: Any  # what a kernel gets

    def __init__(self, device: OpenClDevice, nbytes: int) -> None:
        self.device, self.nbytes = device, nbytes

    @abstractmethod
    def up(self) -> None:
        """From the host to the device."""

    @abstractmethod
    def down(self) -> None:
        """From the device to the host."""


class _Ours(Way):
    """What hetero does."""

    staged: bool

    def __init__(self, device: OpenClDevice, nbytes: int) -> None:
        super().__init__(device, nbytes)
        self._shared: Shared = share(device, nbytes, staged=self.staged)
        self.host, self.argument = self._shared.host, self._shared.memory.base

    def up(self) -> None:
        self._shared.to_device()
        self._shared.wait()

    def down(self) -> None:
        self._shared.to_host()
        self._shared.wait()


class Mapped(_Ours):
    """One page-aligned allocation of the host's, unmapped and mapped."""

    staged = False


class Pinned(_Ours):
    """A device buffer, and a host buffer of the driver's that stays mapped; copied in the queue of launches."""

    staged = True


class Copied(Way):
    """A device buffer, and host memory that the driver knows nothing of."""

    def __init__(self, device: OpenClDevice, nbytes: int) -> None:
        super().__init__(device, nbytes)
        self.host = np.zeros(nbytes, np.uint8)
        self.argument = cl.Buffer(device.context, cl.mem_flags.READ_WRITE, nbytes)

    def up(self) -> None:
        cl.enqueue_copy(self.device.lane(0).queue, self.argument, self.host)

    def down(self) -> None:
        cl.enqueue_copy(self.device.lane(0).queue, self.host, self.argument)


class CoarseSvm(Way):
    """Shared virtual memory, one address for both sides, that is mapped for the host and unmapped for the device."""

    def __init__(self, device: OpenClDevice, nbytes: int) -> None:
        super().__init__(device, nbytes)
        _require(device, cl.device_svm_capabilities.COARSE_GRAIN_BUFFER)
        self.host = cl.csvm_empty(device.context, nbytes, np.uint8)
        self.argument = cl.SVM(self.host)
        self.down()

    def up(self) -> None:
        self._mapping.release(self.device.lane(0).queue)

    def down(self) -> None:
        self._mapping = self.argument.map_rw(self.device.lane(0).queue, is_blocking=True)


class FineSvm(Way):
    """Shared virtual memory that both sides may use at any time, one behind the other."""

    def __init__(self, device: OpenClDevice, nbytes: int) -> None:
        super().__init__(device, nbytes)
        _require(device, cl.device_svm_capabilities.FINE_GRAIN_BUFFER)
        self.host = cl.fsvm_empty(device.context, nbytes, np.uint8)
        self.argument = cl.SVM(self.host)

    def up(self) -> None:
        """Nothing is needed."""

    def down(self) -> None:
        """Only the launches have to end."""
        self.device.lane(0).queue.finish()


def _require(device: OpenClDevice, capability: int) -> None:
    if not getattr(device.handle, "svm_capabilities", 0) & capability:
        raise NotOfferedError(f"{device.name} offers no such shared virtual memory")


WAYS: dict[str, type[Way]] = {
    "mapped": Mapped,
    "pinned": Pinned,
    "copied": Copied,
    "svm-coarse": CoarseSvm,
    "svm-fine": FineSvm,
}
