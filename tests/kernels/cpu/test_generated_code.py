"""Register tiles for other processors: their assembly is what it should be, and AVX2's and SSE's numbers are right."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np
import pytest

from kernels.cpu import depthwise
from kernels.cpu.compiler import compiled
from kernels.cpu.dense import choose_tile, dense_kernel
from kernels.cpu.machine_code import SIGNATURE
from kernels.cpu.paired import choose_pixels, paired_kernel
from kernels.cpu.target import CpuTarget
from kernels.op import Call, Spec

ROOT = Path(__file__).parents[3]


class Processor(NamedTuple):
    """What LLVM has to know of a processor, and how its assembly writes what the tests look for."""

    target: CpuTarget
    triple: str
    cpu: str
    multiply_add: str  # one of the two instructions where there is no fused one
    stack_store: str  # of a vector


X86, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
STACK_X86 = r"\bv?mov[a-z]+\s+%[xyz]mm\d+, -?\d*\(%r[sb]p"
STACK_ARM = r"\bst[rp]\s+[qdv]\d+.*\[(sp|x29)"
PROCESSORS = {
    "AVX-512": Processor(CpuTarget(16, 32), X86, "skylake-avx512", r"\bvfmadd\d+ps\b.*%zmm", STACK_X86),
    "AVX2": Processor(CpuTarget(8, 16), X86, "haswell", r"\bvfmadd\d+ps\b.*%ymm", STACK_X86),
    "SSE": Processor(CpuTarget(4, 13), X86, "nehalem", r"\bmulps\b", STACK_X86),
    "NEON": Processor(CpuTarget(4, 32), ARM, "cortex-a72", r"\bfmla\s+v\d+\.4s", STACK_ARM),
}


def assembly(kernel: Any, processor: Processor) -> str:
    """The kernel compiled anew, for another processor."""
    text = compiled(kernel.function, SIGNATURE).inspect_llvm()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(processor.triple).create_target_machine(
        cpu=processor.cpu, opt=3, reloc="pic", codemodel="small"
    )
    text = re.sub(r'target triple = ".*"', f'target triple = "{processor.triple}"', text)
    text = re.sub(r'target datalayout = ".*"', f'target datalayout = "{machine.target_data}"', text)
    return str(machine.emit_assembly(llvm.parse_assembly(text)))


def loops(text: str) -> list[list[str]]:
    """The lines of every loop that has no other within: from a label to a jump back to it."""
    lines = text.splitlines()
    labels = {line.split(":")[0]: i for i, line in enumerate(lines) if re.match(r"\.?\w+:", line)}
    back = []
    for i, line in enumerate(lines):
        jump = re.match(r"\s+(?:j\w+|b\.?\w*|cbn?z|tbn?z)\s.*?(\.L\w+)$", line)
        if jump and labels.get(jump[1], i) < i:
            back.append((labels[jump[1]], i))
    inner = [a for a in back if not any(b != a and a[0] <= b[0] and b[1] <= a[1] for b in back)]
    return [lines[begin:end] for begin, end in inner]


def check_main_loop(text: str, processor: Processor, steps: int) -> None:
    """One of the loops holds all multiply-adds of a step of the reduction, and keeps what they add to in registers."""
    counted = [(sum(bool(re.search(processor.multiply_add, line)) for line in loop), loop) for loop in loops(text)]
    most, loop = max(counted, key=lambda pair: pair[0])
    assert most >= steps
    assert most % steps == 0
    assert [line for line in loop if re.search(processor.stack_store, line)] == []
    assert not re.search(r"\b(bl|callq?)\s+\w*fma", text), "a multiply-add by the C library"


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize(("columns", "blocks"), [(56, 8), (7, 3)])
def test_the_dense_tile_stays_in_registers(name: str, columns: int, blocks: int) -> None:
    processor = PROCESSORS[name]
    pixels, count = choose_tile(columns, blocks, processor.target.registers)
    text = assembly(dense_kernel(pixels, count, processor.target.lanes), processor)
    check_main_loop(text, processor, pixels * count)


@pytest.mark.parametrize("name", PROCESSORS)
def test_the_depthwise_tile_stays_in_registers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a 3x3 window on rows of 56 pixels: the size that the lowering chooses."""
    processor = PROCESSORS[name]
    lanes = processor.target.lanes
    chosen: list[tuple[int, ...]] = []

    def note(*size: int) -> SimpleNamespace:
        chosen.append(size)
        return SimpleNamespace(address=0)

    image = Spec((1, lanes, 56, 56), layout="blocked", block=lanes)
    attributes = {"kernel_shape": (3, 3), "strides": (1, 1), "dilations": (1, 1), "pads": (1, 1, 1, 1), "group": lanes}
    weights = np.zeros((lanes, 1, 3, 3), np.float32)
    with monkeypatch.context() as patch:
        patch.setattr(depthwise, "depthwise_kernel", note)
        call = Call("Conv", attributes, (image, Spec(weights.shape)), (image,), {1: weights})
        depthwise.lower(call, processor.target)
    ((pixels, taps, *rest),) = chosen
    check_main_loop(assembly(depthwise.depthwise_kernel(pixels, taps, *rest), processor), processor, pixels * taps)


@pytest.mark.parametrize("name", PROCESSORS)
def test_the_paired_tile_stays_in_registers(name: str) -> None:
    """Where a vector has four lanes, the loop over a block's channels is unrolled: the whole kernel is looked at."""
    processor = PROCESSORS[name]
    pixels = choose_pixels(66, processor.target.registers)
    text = assembly(paired_kernel(4, pixels, processor.target.lanes), processor)
    counted = [(sum(bool(re.search(processor.multiply_add, line)) for line in loop), loop) for loop in loops(text)]
    main = [loop for count, loop in counted if count >= 2 * pixels] or [text.splitlines()]
    assert len(main) in (1, 3)
    assert [line for loop in main for line in loop if re.search(processor.stack_store, line)] == []
    assert not re.search(r"\b(bl|callq?)\s+\w*fma", text), "a multiply-add by the C library"


def test_a_tile_too_large_is_noticed() -> None:
    """The checks above can fail: 32 accumulators and their weights do not fit into 16 registers."""
    processor = PROCESSORS["AVX2"]
    with pytest.raises(AssertionError):
        check_main_loop(assembly(dense_kernel(16, 2, 8), processor), processor, 32)


CHILD = """
import sys
import numpy as np
from engine.reference import truth
from hetero import Session
from kernels.cpu import winograd
from kernels.cpu.target import host
from kernels.ops import operators
from kernels.ops.conv import case
from tests.models import of_case

assert host().lanes == int(sys.argv[1]), host()
made = []
lower = winograd.lower
winograd.lower = lambda *given: made.append(given) or lower(*given)
cases = [("Conv", case((1, 64, 20, 20), 64, 3, pads=(1, 1, 1, 1)), 1e-4)]
chosen = {
    "Conv": (2, 5, 12, 23), "ConvTranspose": (2,), "MaxPool": (1,), "LRN": (0,), "MatMul": (3,), "Resize": (40,),
    "Split": (2,),
}
cases += [(name, operators()[name].cases[i], 1e-5) for name, places in chosen.items() for i in places]
for name, one, bound in cases:
    model, frame = of_case(name, one, np.random.default_rng(7))
    with Session(model, "cpu", threads=1) as session:
        got, want = session(frame)["y"], truth(model, frame)["y"]
    assert np.abs(got - want).max() <= bound * np.abs(want).max(), (name, one)
assert made, "nothing went by Winograd"
"""


@pytest.mark.parametrize(
    ("cpu", "features", "lanes"),
    [("haswell", "+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+popcnt", 8), ("nehalem", "+sse4.2,+popcnt", 4)],
    ids=["AVX2", "SSE"],
)
def test_numbers_are_right_on_lesser_processors(cpu: str, features: str, lanes: int, tmp_path: Path) -> None:
    """In a process of its own, with the processor's features cut down and no kernel compiled before."""
    if llvm.get_process_triple().partition("-")[0] not in ("x86_64", "amd64"):
        pytest.skip("needs an x86 processor")
    settings = {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", CHILD, str(lanes)]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | settings, timeout=120)
