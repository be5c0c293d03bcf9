"""Layer: a distinct use of an operator, with what its lowering asks and what could be answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from engine.graph import Graph
from engine.tuning.store import Key
from kernels.op import Call, GpuLowering, Op
from kernels.opencl.target import GpuTarget
from kernels.ops import operators
from kernels.space import Choice, Question

SLACK = 1.6  # choices that a model takes to cost so many times the best are not tried
MOST = 16  # choices of one question

Answers = Mapping[Key, Choice]


@dataclass(frozen=True)
class Lowered:
    """A lowering, and the choices it was made with."""

    lowering: GpuLowering
    asked: tuple[Question, ...]
    answers: Answers


@dataclass
class Layer:
    """An operator's use; `nodes` are those that use it so."""

    op: Op
    call: Call
    nodes: list[str]

    def lower(self, target: GpuTarget, answers: Answers) -> Lowered | None:
        """The lowering by these answers, and the defaults where they say nothing; None where there is no kernel."""
        heard: list[tuple[Question, Choice]] = []
        lowering = self.op.gpu(self.call, replace(target, tunings=answers, heard=heard)) if self.op.gpu else None
        if lowering is None:
            return None
        return Lowered(lowering, tuple(question for question, _ in heard), {q.key: choice for q, choice in heard})

    def candidates(self, target: GpuTarget, given: Answers | None = None) -> Iterator[Lowered]:
        """Lowerings by every combination of likely answers: one question after the other, the likeliest first."""
        lowered = self.lower(target, given or {})
        if lowered is None:
            return
        open_question = next((q for q in lowered.asked if q.key not in (given or {})), None)
        if open_question is None:
            yield lowered
            return
        for choice in likely(open_question):
            yield from self.candidates(target, {**(given or {}), open_question.key: choice})

    def neighbours(self, target: GpuTarget, around: Lowered) -> Iterator[Lowered]:
        """Lowerings that differ from one in a single number, the likeliest first."""
        for question in around.asked:
            chosen = around.answers[question.key]
            alike = [{**chosen, t.name: value} for t in question.space.tunables for value in t.values]
            limit = SLACK * question.cost(chosen)
            for choice in sorted((c for c in alike if question.cost(c) <= limit), key=question.cost):
                lowered = self.lower(target, {**around.answers, question.key: choice})
                if lowered is not None:
                    yield lowered


def likely(question: Question) -> list[Choice]:
    """Choices that the model finds good, the default first; of those it takes for equal, the one nearest to that."""

    def strange(choice: Choice) -> int:
        return sum(choice[name] != question.default[name] for name in choice)

    costs = [(question.cost(choice), strange(choice), choice) for choice in question.space.choices()]
    costs = sorted((c for c in costs if c[0] < float("inf")), key=lambda c: c[:2])
    found: list[Choice] = [question.default]
    seen = {question.cost(question.default)}
    for cost, _, choice in costs:
        if len(found) == MOST or cost > SLACK * costs[0][0]:
            break
        if cost not in seen:
            seen.add(cost)
            found.append(choice)
    return found


def layers(graph: Graph, target: GpuTarget) -> list[Layer]:
    """The distinct uses of operators that have something to be tuned, in the network's order."""
    found: dict[tuple[Key, ...], Layer] = {}
    for node in graph.nodes:
        if node.proto is not None:
            continue
        layer = Layer(operators()[node.op], graph.call(node), [])
        lowered = layer.lower(target, {})
        if lowered is not None and lowered.asked:
            keys = tuple(question.key for question in lowered.asked)
            found.setdefault(keys, layer).nodes.append(node.name)
    return list(found.values())
