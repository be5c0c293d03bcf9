"""Session: a network ready to run frame by frame."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from engine.formats.onnx import Model, Port, load, resolve
from engine.graph import Graph
from hetero.costs.costs import Costs
from hetero.decisions import Decisions, Request, Shapes
from hetero.deployment import Deployment
from hetero.frames import InputError, fitting
from hetero.plan import Plan
from hetero.planner import Streams
from hetero.profile import OperatorTime, flops, kernel_kind, per_operator

Array = np.ndarray[Any, Any]


class Input:
    """One input of a session, by position: `write` an array before `run`."""

    def __init__(self, session: Session, port: Port) -> None:
        self._session, self.port = session, port

    def write(self, array: Array) -> None:
        """Set the input. The array is copied. Raises InputError for a wrong shape or dtype."""
        self._session._written[self.port.name] = fitting(self._session.model, self.port, array).copy()


class Output:
    """One output of a session, by position: `read` it after `run`."""

    def __init__(self, session: Session, port: Port) -> None:
        self._session, self.port = session, port

    def read(self) -> Array:
        """The output of the latest run. Raises RuntimeError before the first."""
        if self.port.name not in self._session._read:
            raise RuntimeError(f"output {self.port.name!r} is not there yet: call run() first")
        return self._session._read[self.port.name]


class Session:
    """A network on this machine's devices.

    model      path of an .onnx file, or an onnx.ModelProto
    device     "auto", "cpu", "gpu", "gpu:1" or "cpu+gpu"
    threads    CPU threads; None: all it may use, but for the cores of an emulated GPU
    strategy   "auto", or a name of `hetero.strategies()`
    plan       a Plan or the path of a saved one; then nothing is measured and no strategy asked
    streams    frames that the CPU computes at once, its threads divided among them: more frames a second, and each
               later. "auto" tries one, and as many as there are threads
    batch      frames that a stream gathers while the devices are busy, and runs together: more frames a second where
               launches take long, each later. The model must be one whose batch size can change
    debug      whether touching memory that the other device owns is an OwnershipError, which takes time;
               None: as the environment variable HETERO_DEBUG says

    Where the model leaves sizes open, they are settled by the first frame, and the session is made
    ready anew for every further set of sizes. Several threads may call one session; they take turns.
    Raises FileNotFoundError, ValueError or TypeError with one clear line for what cannot be used.
    """

    def __init__(
        self,
        model: str | Path | Any,
        device: str = "auto",
        threads: int | None = None,
        strategy: str = "auto",
        plan: Plan | str | Path | None = None,
        streams: Streams = 1,
        debug: bool | None = None,
        batch: int = 1,
    ) -> None:
        given = Plan.load(plan) if isinstance(plan, str | Path) else plan
        request = Request(device, threads, strategy, given, streams, batch)
        self.model: Model = load(model)
        self.decisions = Decisions(self.model, request)
        self._debug = debug
        self._lock = threading.RLock()
        self._ready: tuple[Shapes, Deployment] | None = None
        self._written: dict[str, Array] = {}
        self._read: dict[str, Array] = {}
        if self.settled:
            self._deployed(self.shapes({}))

    @property
    def inputs(self) -> tuple[Port, ...]:
        """Name, shape (a name where a size is open) and dtype of every input."""
        return self.model.inputs

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Name, shape and dtype of every output."""
        return self.model.outputs

    @property
    def settled(self) -> bool:
        """Whether the model leaves no size open."""
        return all(isinstance(size, int) for port in self.inputs for size in port.shape)

    def input(self, position: int) -> Input:
        """An input by position. Raises IndexError."""
        return Input(self, self.inputs[position])

    def output(self, position: int) -> Output:
        """An output by position. Raises IndexError."""
        return Output(self, self.outputs[position])

    def run(self) -> None:
        """Run on the inputs written. Raises InputError where one is missing."""
        self._read = self(self._written)

    def __call__(self, feeds: Array | Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name for one frame: an array for the only input, or name -> array."""
        arrays = self.feeds(feeds)
        with self._lock:
            deployment = self._deployed(self.shapes(arrays))
            return deployment.infer(arrays)

    @property
    def plan(self) -> Plan:
        """Where every operator runs. Sizes left open count as 1 until a frame has settled them."""
        return self.decisions.decided(self._latest()).plan

    @property
    def graph(self) -> Graph:
        """The network as it is run, its weights left out."""
        return self.decisions.decided(self._latest()).graph

    def costs(self) -> Costs:
        """What every operator costs on every device, alone and in a stream; measured if that is not on disk."""
        return self.decisions.planner(self._latest()).costs

    def profile(self) -> tuple[OperatorTime, ...]:
        """What every operator costs where the plan puts it; one list a placement, one behind the other."""
        found: list[OperatorTime] = []
        with self._lock:
            deployment = self._deployed(self._latest())
            for stage in (stage for stages in deployment.variants for stage in stages):
                device = deployment.devices[stage.device]
                with stage.alone(deployment.slots[0]) as recording:
                    seconds = per_operator(stage.program, recording)
                for node in stage.program.nodes:
                    kind = kernel_kind(node, device)
                    work = flops(deployment.graph, node)
                    found.append(OperatorTime(node.name, node.op, stage.device, kind, seconds[node.name], work))
        return tuple(found)

    def feeds(self, feeds: Array | Mapping[str, Array]) -> dict[str, Array]:
        """The frame as name -> array, checked against the model. Raises InputError."""
        if not isinstance(feeds, Mapping):
            if len(self.inputs) != 1:
                names = ", ".join(port.name for port in self.inputs)
                raise InputError(
                    f"{self.model.name} has {len(self.inputs)} inputs ({names}): give a dict name -> array"
                )
            feeds = {self.inputs[0].name: feeds}
        unknown = [name for name in feeds if name not in {port.name for port in self.inputs}]
        missing = [port.name for port in self.inputs if port.name not in feeds]
        if unknown or missing:
            raise InputError(
                f"{self.model.name}: inputs missing: {', '.join(missing) or 'none'}; "
                f"unknown: {', '.join(map(str, unknown)) or 'none'}"
            )
        return {port.name: fitting(self.model, port, feeds[port.name]) for port in self.inputs}

    def shapes(self, feeds: Mapping[str, Array]) -> Shapes:
        """Concrete shapes of all inputs for a frame. Raises ValueError naming both shapes."""
        return tuple(resolve(self.model, {name: array.shape for name, array in feeds.items()}).items())

    def deployed(self, feeds: Array | Mapping[str, Array]) -> Deployment:
        """The network made ready for frames of this one's sizes, one at a time. Raises InputError."""
        with self._lock:
            return self._deployed(self.shapes(self.feeds(feeds)))

    def deploy(self, shapes: Shapes, depth: int | None) -> Deployment:
        """The network made ready for so many frames in flight; None: as many as keep every device busy."""
        compiled = self.decisions.decided(shapes)
        return Deployment(compiled, depth or compiled.plan.slots, self._debug, partial(self._spare, shapes))

    def _spare(self, shapes: Shapes) -> Deployment:
        return Deployment(self.decisions.spare(shapes), 1)

    def _latest(self) -> Shapes:
        return self._ready[0] if self._ready else self.shapes({})

    def _deployed(self, shapes: Shapes) -> Deployment:
        latest = self.decisions.decided(shapes).plan
        if self._ready is None or self._ready[0] != shapes or self._ready[1].plan is not latest:
            self._ready = shapes, self.deploy(shapes, 1)
        return self._ready[1]

    def close(self) -> None:
        """Let the memory go. The session makes itself ready again if it is used again."""
        with self._lock:
            self._ready = None
            self.decisions.clear()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
