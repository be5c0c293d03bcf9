"""Guard: on a driver that nobody knows, a lowering is run in a child process first, and must be right there."""

from __future__ import annotations

import logging
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.devices.alone import Alone, agree, extent, noise
from engine.devices.child import Child, ChildFailedError
from engine.devices.verdicts import Verdicts, lowering_key, program_key
from engine.devices.wire import decode, request
from kernels.op import Call, GpuLowering, Op

if TYPE_CHECKING:
    from engine.devices.opencl import OpenClDevice

# Drivers on which every kernel ran and was right (experiments/implementations): they need no child.
KNOWN = (
    "Portable Computing Language 3.*",
    "NVIDIA CUDA *",
    "Intel(R) OpenCL 20*",
    "rusticl 22.*",
    "Oclgrind *",
)
SECONDS = 120.0  # for one lowering's builds and run

Array = np.ndarray[Any, Any]

_log = logging.getLogger("hetero")


class Guard:
    """What may run on one device: by verdicts kept on disk, and by a trial where the driver is not known."""

    def __init__(
        self, device: OpenClDevice, verdicts: Verdicts, child: Child, *, known: bool, seconds: float = SECONDS
    ) -> None:
        self._device, self.verdicts, self._child = device, verdicts, child
        self.known, self._seconds = known, seconds
        self._told = False  # that nobody tried the driver

    def passes(self, op: Op, call: Call, lowering: GpuLowering) -> bool:
        """Whether the lowering ends by itself, with the numbers that the CPU's own kernel gives."""
        if self.verdicts.failed(lowering) is not None:
            return False
        if not self.known and not self.verdicts.passed(lowering):
            self._try(op, call, lowering)
            return self.verdicts.passed(lowering)
        return True

    def _try(self, op: Op, call: Call, lowering: GpuLowering) -> None:
        if not self._told:
            self._told = True
            _log.info(
                "%s: nobody tried this driver (%s), so a child process does", self._device.name, self._device.driver
            )
        inputs, sizes = noise(call), [extent(spec) for spec in call.outputs]
        asked = request(self._device.name, self._device.driver, lowering, inputs, sizes)
        try:
            outputs = [decode(text) for text in self._child.ask(asked, self._seconds)]
        except ChildFailedError as failure:
            _log.warning("%s: a trial of %s failed, so it is avoided: %s", self._device.name, call.op, failure)
            if failure.begun is not None:
                step = lowering.steps[failure.begun]
                self.verdicts.fails(program_key(step), f"{step.kernel}: {failure}")
            return
        if agree(call.outputs, outputs, right(op, call)):
            self.verdicts.passes(lowering)
        else:
            _log.warning("%s: a trial of %s gave wrong numbers, so it is avoided", self._device.name, call.op)
            self.verdicts.fails(lowering_key(lowering), f"{lowering.steps[-1].kernel}: wrong numbers")


def guard(device: OpenClDevice) -> Guard:
    """The device's guard."""
    known = any(fnmatch(device.driver, pattern) for pattern in KNOWN)
    return Guard(device, Verdicts(device.name, device.driver), Child(), known=known)


def right(op: Op, call: Call) -> list[Array]:
    """The outputs' bytes as the CPU's kernel gives them, which is held against ONNX's reference in the tests."""
    from engine.devices.numba_cpu import NumbaDevice

    cpu = NumbaDevice(1)
    lowering = cpu.lower(op, call)
    assert lowering is not None, f"{op.name} has no kernel on the CPU"
    return Alone(cpu, lowering, noise(call), [extent(spec) for spec in call.outputs]).run()
