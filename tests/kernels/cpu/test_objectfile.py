"""Object files without LLVM: code, constants and what lies elsewhere in the process; what it does not do it says."""

from __future__ import annotations

import ctypes
import platform
import sys

import llvmlite.binding as llvm
import pytest

from kernels.cpu import objectfile

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="loads object files of Linux on x86-64"
)
CODE = """
@table = internal constant [4 x i64] [i64 7, i64 11, i64 13, i64 17], align 64
declare i64 @labs(i64)
define internal i64 @twice(i64 %x) noinline { %y = add i64 %x, %x ret i64 %y }
define i64 @answer(i64 %i) {
  %place = getelementptr [4 x i64], ptr @table, i64 0, i64 %i
  %found = load i64, ptr %place
  %double = call i64 @twice(i64 %found)
  %negative = sub i64 0, %double
  %result = call i64 @labs(i64 %negative)
  ret i64 %result
}
"""


def object_code(model: str = "jitdefault") -> bytes:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        opt=0, reloc="static", codemodel=model, jit=model == "jitdefault"
    )
    return bytes(machine.emit_object(llvm.parse_assembly(CODE)))


def address_of(name: str) -> int:
    assert name == "labs"
    return ctypes.cast(ctypes.CDLL(None).labs, ctypes.c_void_p).value or 0


def test_code_runs_with_its_constants_and_with_the_process() -> None:
    address = objectfile.load(object_code(), "answer", address_of)
    answer = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)
    assert [answer(i) for i in range(4)] == [14, 22, 26, 34]


def test_what_the_process_lacks_is_named() -> None:
    with pytest.raises(LookupError, match="labs"):
        objectfile.load(object_code(), "answer", lambda name: 0)


def test_relocations_of_other_kinds_are_refused() -> None:
    with pytest.raises(LookupError, match="relocation"):
        objectfile.load(object_code("small"), "answer", address_of)


@pytest.mark.parametrize("damage", [b"\x7fELF\x01", b"", b"MZ"])
def test_other_files_are_refused(damage: bytes) -> None:
    with pytest.raises(LookupError, match="Linux"):
        objectfile.load(damage + object_code()[len(damage) :] if damage else b"", "answer", address_of)
