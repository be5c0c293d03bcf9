"""Arenas: no two live tensors share a byte, and the total lies between the peak and the sum."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from hetero.memory.arena import pack
from hetero.memory.lifetime import Lifetime, peak


def chain(random_: random.Random, steps: int) -> list[Lifetime]:
    """Tensors like a network's: most die at the next step, some live long."""
    tensors = []
    for step in range(steps):
        last = min(steps - 1, step + random_.choice([1, 1, 1, 2, 3, 10]))
        tensors.append(Lifetime(f"t{step}", random_.randrange(1, 100_000), step, last))
    return tensors


@pytest.mark.parametrize("seed", range(60))
def test_live_tensors_are_apart(seed: int) -> None:
    random_ = random.Random(seed)
    alignment = random_.choice([1, 64, 4096])
    tensors = chain(random_, random_.randrange(1, 60))
    arena = pack(tensors, alignment)
    sizes = {each.name: -(-each.nbytes // alignment) * alignment for each in tensors}
    for a, b in combinations(tensors, 2):
        if a.overlaps(b):
            one, other = arena.offsets[a.name], arena.offsets[b.name]
            assert one + sizes[a.name] <= other or other + sizes[b.name] <= one
    assert all(offset % alignment == 0 for offset in arena.offsets.values())
    assert arena.total == max(arena.offsets[name] + sizes[name] for name in sizes)
    assert peak(tensors) <= arena.total <= sum(sizes.values())


def test_packing_is_close_to_the_peak() -> None:
    ratios = []
    for seed in range(50):
        tensors = chain(random.Random(seed), 50)
        ratios.append(pack(tensors, alignment=1).total / peak(tensors))
    assert sum(ratios) / len(ratios) < 1.08  # measured: 1.074, at worst 1.26
    assert max(ratios) < 1.30


def test_a_chain_needs_two_places() -> None:
    tensors = [Lifetime(f"t{i}", 100, i, i + 1) for i in range(10)]
    assert pack(tensors).total == 2 * 128


def test_the_tightest_gap_is_taken() -> None:
    tensors = [
        Lifetime("large", 640, 0, 1),
        Lifetime("floor", 576, 0, 9),
        Lifetime("middle", 512, 0, 0),
        Lifetime("ceiling", 448, 0, 9),
        Lifetime("late", 384, 2, 9),
    ]
    arena = pack(tensors)
    assert arena.offsets["late"] == arena.offsets["middle"]


def test_nothing_at_all() -> None:
    assert pack([]).total == 0
    assert peak([]) == 0
    assert pack([Lifetime("empty", 0, 0, 3), Lifetime("full", 1, 0, 3)]).total == 64


@pytest.mark.parametrize(("nbytes", "last"), [(-1, 3), (4, 1)])
def test_impossible_lifetimes_are_refused(nbytes: int, last: int) -> None:
    with pytest.raises(ValueError, match="'t'"):
        Lifetime("t", nbytes, 2, last)
