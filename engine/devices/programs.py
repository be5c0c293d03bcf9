"""Programs: OpenCL programs of one device, built once per source and defines, and kept on disk."""

from __future__ import annotations

from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from engine.devices.binaries import Binaries
from engine.devices.silence import Silence
from kernels.op import GpuStep

if TYPE_CHECKING:
    import pyopencl as cl

# Multiply-adds may be fused (OpenCL C allows that anyway), nothing else: results do not hang on how
# far a driver takes "fast" mathematics, and infinities stay what they are.
_OPTIONS = ("-cl-std=CL1.2", "-cl-mad-enable", "-cl-no-signed-zeros")


@cache
def _remarks() -> Silence:
    """Drivers write harmless remarks; a failed build raises and shows its log."""
    import pyopencl as cl

    return Silence(cl.CompilerWarning)


class Programs:
    """Builds from the source, or from the binary kept of an earlier build. Threads may build at a time."""

    def __init__(self, context: cl.Context, device: cl.Device, identity: str, binaries: Binaries | None = None) -> None:
        self._context, self._device, self._identity = context, device, identity
        self._binaries = binaries or Binaries()
        self._built: dict[tuple[str, str], cl.Program] = {}
        self._locks: dict[tuple[str, str], Lock] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._built)

    def kernel(self, step: GpuStep) -> cl.Kernel:
        """A kernel object of its own for one step."""
        import pyopencl as cl

        options = " ".join([*_OPTIONS, *(f"-D{name}={value}" for name, value in step.defines)])
        key = step.source, options
        with self._lock:
            lock = self._locks.setdefault(key, Lock())
        with lock, _remarks():
            if key not in self._built:
                self._built[key] = self._from_disk(step, options) or self._from_source(step, options)
            return cl.Kernel(self._built[key], step.kernel)

    def _from_disk(self, step: GpuStep, options: str) -> Any:
        """The program as it was built before, None where there is none or the driver will not have it."""
        import pyopencl as cl

        binary = self._binaries.load(self._identity, options, step.source)
        if binary is None:
            return None
        try:
            program = cl.Program(self._context, [self._device], [binary]).build(options)
            cl.Kernel(program, step.kernel)
        except cl.Error:
            self._binaries.drop(self._identity, options, step.source)
            return None
        return program

    def _from_source(self, step: GpuStep, options: str) -> Any:
        import pyopencl as cl

        source: Any = cl.Program(self._context, step.source)
        program = source.build(options, cache_dir=False)  # pyopencl's own cache pickles
        cl.Kernel(program, step.kernel)  # some drivers finish a binary only when a kernel is made of it
        (binary,) = program.get_info(cl.program_info.BINARIES)
        self._binaries.store(binary, self._identity, options, step.source)
        return program
