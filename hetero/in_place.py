"""In place: the CPU's layers tuned where they stand, for a layer's time depends on what its neighbours leave in caches.

All layers try something new at once, in a recording of the whole network that takes turns with one by the defaults.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from statistics import median

from engine.devices.numba_cpu import NumbaDevice
from engine.graph import Graph
from engine.tuning.layer import SLACK, Answers, Layer
from engine.tuning.search import WIN, Found
from engine.tuning.store import Key, Tuned, keep, user_file
from engine.tuning.tune import Progress, TunedLayer
from hetero.profile import recorded, run
from kernels.ops import operators
from kernels.space import Choice, Question

ROUNDS = 8  # of a duel, and three times as many before choices are kept
MOST = 24  # ways tried


@dataclass
class Candidate:
    """A layer with its question, and the best answer so far: the seconds it takes over those of the default."""

    layer: Layer
    question: Question
    best: Choice
    ratio: float = 1.0
    tried: list[Choice] = field(default_factory=list)

    def ways(self, stored: Choice | None) -> Iterator[Choice]:
        """What was kept before, the best by the model for every value of the first number, then what lies around."""
        question = self.question
        if stored is not None and question.fits(stored):
            yield stored
        first = question.space.tunables[0]
        for value in first.values:
            best = min(question.space.choices(**{first.name: value}), key=question.cost)
            if question.fits(best):
                yield best
        around: Choice = {}
        while around != self.best:
            around = self.best
            alike = [{**around, t.name: value} for t in question.space.tunables for value in t.values]
            limit = SLACK * question.cost(around)
            for choice in sorted((c for c in alike if question.cost(c) <= limit), key=question.cost):
                yield choice
                if self.best != around:
                    break

    def fresh(self, stored: Choice | None) -> Iterator[Choice]:
        """Ways that the model does not take for one tried before."""
        seen = {self.question.cost(self.question.default)}
        for choice in self.ways(stored):
            if self.question.cost(choice) not in seen:
                seen.add(self.question.cost(choice))
                self.tried.append(choice)
                yield choice


class Way:
    """The network recorded with these answers, and the seconds of every layer, round by round."""

    def __init__(self, graph: Graph, device: NumbaDevice, answers: Answers) -> None:
        device.tuned(answers)
        self._program, self._recording = recorded(graph, device)
        run(self._recording)
        self.rounds: list[dict[str, float]] = []

    def run(self) -> None:
        """Measure once more."""
        seconds: dict[str, float] = {}
        for step, taken in zip(self._program.steps, self._recording.profile(), strict=True):
            seconds[step.node] = seconds.get(step.node, 0.0) + taken
        self.rounds.append(seconds)

    def seconds(self, layer: Layer, last: int) -> float:
        """The median of the last rounds, a mean over the layer's nodes."""
        times = [sum(each[node] for node in layer.nodes) for each in self.rounds[-last:]]
        return median(times) / len(layer.nodes)


def tune_in_place(
    graph: Graph,
    device: NumbaDevice,
    seconds: float,
    file: Path | None = None,
    told: Callable[[Progress], None] = lambda progress: None,
) -> list[TunedLayer]:
    """Search for about so many seconds; what wins goes into `file` (the user's own for the device if None).

    From then on the device's target has it.
    """
    begin, before = time.monotonic(), device.target.tunings
    work = candidates(graph, device)
    fresh = [islice(each.fresh(before.get(each.question.key)), MOST) for each in work]
    base = Way(graph, device, {})
    for done in range(MOST if work else 0):
        told(Progress(done, MOST, work[0].layer.nodes[0]))
        taken = time.monotonic() - begin
        if taken * (done + 2) / (done + 1) > seconds:  # the next one would be too late
            break
        new = [next(ways, None) for ways in fresh]
        if not any(new):
            break
        ratios = _duel(base, _way(graph, device, work, new), work, ROUNDS)
        for each, choice, ratio in zip(work, new, ratios, strict=True):
            if choice is not None and ratio < each.ratio:
                each.best, each.ratio = choice, ratio
    told(Progress(MOST, MOST, ""))
    results = _judged(graph, device, base, work)
    found = {key: choice for each in results if each.found for key, choice in each.found.answers.items()}
    device.tuned({**before, **found})
    if any(each.tried for each in work):
        entries = {key: tuned for each in results if each.found for key, tuned in _entries(each.found).items()}
        keep(file or user_file(device.name, device.driver), device.name, device.driver, entries)
    return results


def candidates(graph: Graph, device: NumbaDevice) -> list[Candidate]:
    """The distinct uses of operators that ask for a choice, in the network's order."""
    found: dict[Key, Candidate] = {}
    for node in graph.nodes:
        if node.proto is not None:
            continue
        heard: list[tuple[Question, Choice]] = []
        op, call = operators()[node.op], graph.call(node)
        op.cpu(call, replace(device.target, tunings={}, heard=heard))
        for question, choice in heard:
            each = found.setdefault(question.key, Candidate(Layer(op, call, []), question, choice))
            each.layer.nodes.append(node.name)
    return list(found.values())


def _way(graph: Graph, device: NumbaDevice, work: list[Candidate], new: list[Choice | None]) -> Way:
    answers = {each.question.key: choice or each.best for each, choice in zip(work, new, strict=True)}
    return Way(graph, device, answers)


def _duel(one: Way, other: Way, work: list[Candidate], rounds: int) -> list[float]:
    """What each layer takes the other way, over what it takes the one way."""
    for number in range(rounds):
        for way in (one, other) if number % 2 else (other, one):
            way.run()
    return [other.seconds(each.layer, rounds) / one.seconds(each.layer, rounds) for each in work]


def _judged(graph: Graph, device: NumbaDevice, base: Way, work: list[Candidate]) -> list[TunedLayer]:
    """The best of every layer once more, longer; the default where the best wins too little."""
    rounds = 3 * ROUNDS
    best = _way(graph, device, work, [each.best for each in work])
    results = []
    for each, ratio in zip(work, _duel(base, best, work, rounds), strict=True):
        usual, default = base.seconds(each.layer, rounds), each.question.default
        won = ratio < WIN and each.best != default
        taken = best.seconds(each.layer, rounds) if won else usual
        answers = {each.question.key: each.best if won else default}
        results.append(TunedLayer(each.layer, Found(answers, taken, usual, len(each.tried))))
    return results


def _entries(found: Found) -> dict[Key, Tuned]:
    return {key: Tuned(choice, found.seconds, found.default_seconds) for key, choice in found.answers.items()}
