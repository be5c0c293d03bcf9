"""Operators: what each costs where it runs, held against what its device does at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hetero.limits import limits
from hetero.profile import Timing, flops, nbytes, timing
from kernels.cpu.machine_code import kernel_at
from kernels.op import CpuStep, GpuStep, HostStep

if TYPE_CHECKING:
    from engine.graph import Graph
    from engine.program import Program
    from hetero.deployment import Deployment
    from hetero.roofline import Bound, Limits


@dataclass(frozen=True)
class StepCost:
    """One kernel's run: which, with its tile and other constants, and its seconds."""

    kernel: str
    seconds: float


@dataclass(frozen=True)
class OperatorCost:
    """One operator: operations of the direct algorithm, bytes read and written, and the least seconds they allow.

    `bound` says which of the two allows no less; `share` is least / seconds, 0 where nothing ran.
    """

    operator: str
    op: str
    device: str
    steps: tuple[StepCost, ...]
    seconds: float
    flops: int
    bytes: int
    least: float
    bound: Bound

    @property
    def share(self) -> float:
        """Which part of the device's limit was reached; Winograd's convolution may go beyond it."""
        return self.least / self.seconds if self.seconds else 0.0

    @property
    def kernel(self) -> str:
        """The kernel that took longest; empty where the operator costs nothing."""
        return max(self.steps, key=lambda step: step.seconds).kernel if self.steps else ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return asdict(self) | {"share": self.share, "kernel": self.kernel, "launches": len(self.steps)}


@dataclass(frozen=True)
class KindCost:
    """All operators of one kind on one device, summed."""

    op: str
    device: str
    count: int
    seconds: float
    flops: int
    bytes: int
    share: float


@dataclass(frozen=True)
class StageCost:
    """A stage as a whole: its seconds, those of its steps timed one by one, and those of the host to begin it."""

    device: str
    launches: int
    seconds: float
    summed: float
    begun: float


@dataclass(frozen=True)
class Costs:
    """A network's operators in the order they run, its stages, and the limits of the devices they ran on."""

    operators: tuple[OperatorCost, ...]
    stages: tuple[StageCost, ...]
    limits: Mapping[str, Limits]

    @property
    def kinds(self) -> tuple[KindCost, ...]:
        """Operators of one kind on one device together, the dearest first."""
        groups: dict[tuple[str, str], list[OperatorCost]] = {}
        for each in self.operators:
            groups.setdefault((each.op, each.device), []).append(each)
        found = []
        for (op, device), group in groups.items():
            seconds, least = sum(each.seconds for each in group), sum(each.least for each in group)
            work, moved = sum(each.flops for each in group), sum(each.bytes for each in group)
            found.append(KindCost(op, device, len(group), seconds, work, moved, least / seconds if seconds else 0.0))
        return tuple(sorted(found, key=lambda kind: -kind.seconds))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {
            "operators": [each.to_dict() for each in self.operators],
            "kinds": [asdict(each) for each in self.kinds],
            "stages": [asdict(each) for each in self.stages],
            "limits": {key: asdict(each) for key, each in self.limits.items()},
        }


def costs(deployment: Deployment) -> Costs:
    """Times every stage of a deployment's first variant and its operators; limits are measured if not known yet."""
    stages = deployment.variants[0]
    found = {key: limits(deployment.devices[key]) for key in dict.fromkeys(stage.device for stage in stages)}
    operators: list[OperatorCost] = []
    wholes: list[StageCost] = []
    for stage in stages:
        with stage.alone(deployment.slots[0]) as recording:
            times = timing(recording)
        device = deployment.devices[stage.device]
        begun = times.begun if device.kind == "gpu" else 0.0  # the CPU works while it begins
        operators += stage_costs(deployment.graph, stage.program, times, stage.device, found[stage.device])
        wholes.append(StageCost(stage.device, len(times.steps), times.whole, sum(times.steps), begun))
    return Costs(tuple(operators), tuple(wholes), found)


def stage_costs(graph: Graph, program: Program, times: Timing, key: str, most: Limits) -> list[OperatorCost]:
    """Each operator of a program; steps timed one by one are brought to the time of the whole."""
    scale = times.whole / (sum(times.steps) or 1.0)
    steps: dict[str, list[StepCost]] = {node.name: [] for node in program.nodes}
    for step, seconds in zip(program.steps, times.steps, strict=True):
        steps[step.node].append(StepCost(_described(step.step), seconds * scale))
    found = []
    for node in program.nodes:
        own = tuple(steps[node.name])
        work, moved = (flops(graph, node), nbytes(graph, node)) if own else (0, 0)
        least, bound = most.least(work, moved)
        taken = sum(step.seconds for step in own)
        found.append(OperatorCost(node.name, node.op, key, own, taken, work, moved, least, bound))
    return found


def _described(step: CpuStep | GpuStep | HostStep) -> str:
    if isinstance(step, CpuStep):
        kernel = str(kernel_at(step.kernel))
        return kernel if kernel.startswith(step.name) else f"{step.name}: {kernel}"
    if isinstance(step, GpuStep):
        return " ".join([step.kernel, *(f"{name}={value}" for name, value in step.defines)])
    return f"reference {step.name}"
