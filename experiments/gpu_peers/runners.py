"""Runners: one network made ready once, then run on data that is on the device already, or from NumPy to NumPy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from hetero import Session

Array = np.ndarray[Any, Any]
WARM = 3  # runs before a graph is captured


class Runner(ABC):
    """A network on one device, with one input of its own."""

    @abstractmethod
    def resident(self) -> None:
        """One run from the device's memory to the device's memory; returns when it has ended."""

    @abstractmethod
    def roundtrip(self) -> Array:
        """One run from a NumPy array to a NumPy array."""


class Ours(Runner):
    """The network through hetero on the GPU alone."""

    def __init__(self, path: Path, frame: Array) -> None:
        self._frame = frame
        self._session = Session(path, "gpu")
        self._deployment = self._session.deploy(self._session.shapes({}), 1)
        self.device: Any = self._deployment.devices["gpu"]
        (self._slot,) = self._deployment.slots
        (self._stage,) = self._deployment.variants[0]
        self._deployment.load(self._slot, {self._session.inputs[0].name: frame}, 0)
        self._stage.run(self._slot)
        self._lent = ExitStack()  # the memory stays with the GPU
        self.recording: Any = self._lent.enter_context(self._stage.alone(self._slot))

    def resident(self) -> None:
        """Replay the recording on what an earlier run has brought over."""
        self.recording.start()
        self.recording.wait()

    def roundtrip(self) -> Array:
        """One call of the session."""
        (output,) = self._session(self._frame).values()
        return output


class Torch(Runner):
    """The network through PyTorch, called as it is."""

    def __init__(self, network: Any, frame: Array, tf32: bool, channels_last: bool) -> None:
        import torch

        self._tf32, self._frame = tf32, frame
        self.network = network.cuda().to(
            memory_format=torch.channels_last if channels_last else torch.contiguous_format
        )
        self._x = torch.from_numpy(frame).cuda()
        if channels_last:
            self._x = self._x.to(memory_format=torch.channels_last)

    def _precision(self) -> None:
        import torch

        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = self._tf32

    def _run(self) -> Any:
        import torch

        self._precision()
        with torch.no_grad():
            return self.network(self._x)

    def resident(self) -> None:
        """Run and wait."""
        import torch

        self._run()
        torch.cuda.synchronize()

    def roundtrip(self) -> Array:
        """Copy over, run, copy back."""
        import torch

        self._x.copy_(torch.from_numpy(self._frame))
        return np.asarray(self._run().cpu().numpy())


class TorchGraph(Torch):
    """The network through PyTorch as one CUDA graph."""

    def __init__(self, network: Any, frame: Array, tf32: bool, channels_last: bool) -> None:
        import torch

        super().__init__(network, frame, tf32, channels_last)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM):
                super()._run()
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._y = super()._run()

    def _run(self) -> Any:
        self._graph.replay()
        return self._y


class TorchCompiled(Torch):
    """The network through torch.compile, which makes CUDA graphs of its own."""

    def __init__(self, network: Any, frame: Array, tf32: bool, channels_last: bool) -> None:
        import torch

        super().__init__(network, frame, tf32, channels_last)
        self._precision()
        torch.compiler.reset()
        self.network = torch.compile(self.network, mode="reduce-overhead")
        for _ in range(WARM):
            self.resident()
