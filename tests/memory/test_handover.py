"""Hand-overs of a frame: by example, and by random frames whose bytes are followed."""

from __future__ import annotations

import random
from typing import Literal, get_args

import pytest

from hetero.memory.handover import Handover, Use, handovers
from hetero.memory.shared import Side


def test_there_and_back() -> None:
    uses = [
        Use("host", (), ["x"]),
        Use("device", ["x"], ["a"]),
        Use("host", ["a"], ["b"]),
        Use("device", ["a", "b"], ["y"]),
        Use("host", ["y"], ()),
    ]
    assert handovers(uses, ["x", "a", "b", "y"]) == [
        Handover("x", "device", 0, 1, wanted=True),
        Handover("x", "host", 1, 4, wanted=False),
        Handover("a", "device", 0, 1, wanted=False),
        Handover("a", "host", 1, 2, wanted=True),
        Handover("a", "device", 2, 3, wanted=False),  # which made it, and still has it
        Handover("a", "host", 3, 4, wanted=False),
        Handover("b", "device", 2, 3, wanted=True),
        Handover("b", "host", 3, 4, wanted=False),
        Handover("y", "device", 0, 3, wanted=False),
        Handover("y", "host", 3, 4, wanted=True),
    ]


def test_what_stays_on_one_side_is_not_handed_over() -> None:
    uses = [Use("host", (), ["x"]), Use("host", ["x"], ["y"]), Use("host", ["y"], ())]
    assert handovers(uses, ["x", "y", "another variant's"]) == []


@pytest.mark.parametrize("kind", ["mapped", "staged"])
@pytest.mark.parametrize("seed", range(50))
def test_every_reader_finds_what_was_written(seed: int, kind: Literal["mapped", "staged"]) -> None:
    """Each tensor is written once a frame and read later; what no hand-over brings over is not there."""
    draw = random.Random(seed)
    tensors = [f"t{i}" for i in range(draw.randint(1, 6))]
    uses = [Use("host", (), [t for t in tensors if draw.random() < 0.3])]
    made = list(uses[0].writes)
    for _ in range(draw.randint(1, 8)):
        left = [t for t in tensors if t not in made]
        writes = draw.sample(left, draw.randint(0, len(left)))
        reads = draw.sample(made, draw.randint(0, len(made)))
        uses.append(Use(draw.choice(get_args(Side)), reads, writes))
        made += writes
    uses.append(Use("host", draw.sample(made, draw.randint(0, len(made))), ()))
    moves = handovers(uses, tensors)

    owner: dict[str, Side] = dict.fromkeys(tensors, "host")
    memory = {side: dict.fromkeys(tensors, "old") for side in get_args(Side)}
    for i, use in enumerate(uses):
        for t in use.reads:
            assert owner[t] == use.side
            assert memory[use.side][t] == "new"
        for t in use.writes:
            assert owner[t] == use.side
            memory[use.side][t] = "new"
            if kind == "mapped":
                memory = {side: {**held, t: "new"} for side, held in memory.items()}
        for move in moves:
            if move.giver == i:
                assert owner[move.tensor] != move.side
                owner[move.tensor] = move.side
                if move.wanted:
                    memory[move.side][move.tensor] = "new"
                assert i < move.taker
                assert uses[move.taker].side == move.side
    assert set(owner.values()) == {"host"}
