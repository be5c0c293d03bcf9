"""Search: the fastest way to compute one layer on one device, within a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice

from engine.devices.alone import Alone, agree, extent, noise
from engine.devices.guard import right
from engine.devices.host import usable_cores
from engine.devices.opencl import OpenClDevice
from engine.devices.verdicts import lowering_key, program_key
from engine.tuning.duel import Runner, duel
from engine.tuning.layer import Answers, Layer, Lowered

GLANCE = 1.25  # a candidate that takes so many times the best's time is not looked at again
ROUNDS = 4  # of a closer look, and twice as many before a choice is kept
WIN = 0.97  # of the default's time: what a choice has to reach to be kept instead


@dataclass(frozen=True)
class Found:
    """The best answers for a layer, its seconds and the default's in one duel, and how many other ways were tried."""

    answers: Answers
    seconds: float
    default_seconds: float
    tried: int


class Search:
    """One layer on one device, every candidate's numbers held against those of the CPU's kernel."""

    def __init__(self, device: OpenClDevice, layer: Layer) -> None:
        self._device, self._layer = device, layer
        self._inputs = noise(layer.call)
        self._sizes = [extent(spec) for spec in layer.call.outputs]
        self._right = right(layer.op, layer.call)
        self._seen: set[str] = set()

    def run(self, deadline: float) -> Found | None:
        """The best found until `deadline` on the monotonic clock; None where the default itself does not work."""
        target = self._device.target
        default = self._layer.lower(target, {})
        base = self._runner(default) if default else None
        if default is None or base is None:
            return None
        self._fresh(default)
        best, least, tried = default, 1.0, 0
        stored = filter(None, [self._layer.lower(target, target.tunings)])
        for ways in (chain(stored, self._layer.candidates(target)), None):
            # At first what the model likes, then what lies around the best of that.
            for way in self._built(self._layer.neighbours(target, best) if ways is None else ways, deadline):
                tried += 1
                runner = self._runner(way)
                if runner is None or duel(runner, base, 1) > GLANCE * least:
                    continue
                ratio = duel(runner, base, ROUNDS)
                if ratio < least:
                    best, least = way, ratio
        return self._judged(default, best, tried)

    def _judged(self, default: Lowered, best: Lowered, tried: int) -> Found | None:
        """The default and the best once more, with the same chances; the default where the best wins too little."""
        base = self._runner(default)
        if base is None:
            return None
        runner = base if best is default else self._runner(best)
        if runner is not None and duel(runner, base, 2 * ROUNDS) < WIN:
            return Found(best.answers, runner.seconds, base.seconds, tried)
        return Found(default.answers, base.seconds, base.seconds, tried)

    def _built(self, ways: Iterable[Lowered], deadline: float) -> Iterator[Lowered]:
        """The ways not tried yet, built in advance by several threads where the device leaves the cores idle."""
        alone = self._device.emulated or not self._device.guard.known
        workers = 1 if alone else usable_cores()
        fresh = filter(self._fresh, ways)
        with ThreadPoolExecutor(workers) as pool:
            while time.monotonic() < deadline and (batch := list(islice(fresh, workers))):
                if workers > 1:
                    list(pool.map(self._builds, batch))
                for way in batch:
                    if time.monotonic() < deadline:
                        yield way

    def _fresh(self, way: Lowered) -> bool:
        """Whether nobody asked this about the way before."""
        key = lowering_key(way.lowering)
        known = key in self._seen
        self._seen.add(key)
        return not known

    def _builds(self, way: Lowered) -> bool:
        """Whether the way's programs can be built; where one cannot, that is kept."""
        for step in way.lowering.steps:
            try:
                self._device.programs.kernel(step)
            except _errors() as error:
                self._device.guard.verdicts.fails(program_key(step), f"{step.kernel}: {error}"[:300])
                return False
        return True

    def _runner(self, way: Lowered) -> Runner | None:
        """The way made ready to be timed; None, and a verdict, where it fails or its numbers are wrong."""
        guard, call = self._device.guard, self._layer.call
        if not guard.passes(self._layer.op, call, way.lowering) or not self._builds(way):
            return None
        try:
            alone = Alone(self._device, way.lowering, self._inputs, self._sizes)
            if agree(call.outputs, alone.run(), self._right):
                return Runner(self._device, alone)
            reason = "wrong numbers"
        except _errors() as error:
            reason = str(error)[:300]
        guard.verdicts.fails(lowering_key(way.lowering), f"{way.lowering.steps[-1].kernel}: {reason}")
        return None


def _errors() -> tuple[type[Exception], ...]:
    """What a driver's refusal arrives as."""
    import pyopencl as cl

    return cl.Error, RuntimeError
