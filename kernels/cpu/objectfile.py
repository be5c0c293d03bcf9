"""Object files loaded without LLVM: sections copied into memory, addresses filled in.

What LLVM makes for a process of its own on x86-64, static code of the large model, names whatever lies elsewhere by
a 64-bit address. So one kind of relocation is all there is, and all that is done here.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
import sys
from collections.abc import Callable
from typing import NamedTuple

MAGIC, X86_64 = b"\x7fELF\x02\x01\x01", 62
CONTENT, SYMBOLS, RELOCATIONS, ZEROS = 1, 2, 4, 8  # kinds of sections
ALLOCATED = 2  # the flag of sections that the running code needs
ADDRESS = 1  # the kind of relocation: a symbol's 64-bit address plus a number
READ_AND_RUN = 5  # for mprotect


class Section(NamedTuple):
    """A row of the table of sections; `link` and `info` are numbers of related sections."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    align: int
    entry: int


def load(code: bytes, wanted: str, address_of: Callable[[str], int]) -> int:
    """Load an object file whose code keeps no state; returns where the symbol `wanted` lies.

    `address_of` gives the address of what the file does not hold itself, 0 where there is none. Raises LookupError
    where such is missing, and for files of another kind than described above.
    """
    if sys.platform != "linux" or not code.startswith(MAGIC) or struct.unpack_from("<H", code, 18) != (X86_64,):
        raise LookupError("not an object file of Linux on x86-64")
    (table,), (count,) = struct.unpack_from("<Q", code, 40), struct.unpack_from("<H", code, 60)
    sections = [Section(*row) for row in struct.iter_unpack("<2I4Q2I2Q", code[table : table + 64 * count])]
    places: dict[int, int] = {}  # number of a section -> its place in memory
    size = 1
    for number, section in enumerate(sections):
        if section.flags & ALLOCATED and section.kind in (CONTENT, ZEROS):
            places[number] = -(-size // max(1, section.align)) * max(1, section.align)
            size = places[number] + section.size
    memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for number, place in places.items():
        section = sections[number]
        if section.kind == CONTENT:
            memory[place : place + section.size] = code[section.offset : section.offset + section.size]

    (symbols,) = (section for section in sections if section.kind == SYMBOLS)
    names = sections[symbols.link].offset
    rows = list(struct.iter_unpack("<IBBHQQ", code[symbols.offset : symbols.offset + symbols.size]))

    def name_of(row: tuple[int, ...]) -> str:
        begin = names + row[0]
        return code[begin : code.index(0, begin)].decode()

    def resolved(row: tuple[int, ...]) -> int:
        _, _, _, number, value, _ = row
        found = base + places[number] + value if number in places else address_of(name_of(row))
        if not found:
            raise LookupError(f"{name_of(row)} is missing")
        return found

    for section in sections:
        if section.kind != RELOCATIONS or section.info not in places:
            continue
        for offset, info, addend in struct.iter_unpack("<QQq", code[section.offset : section.offset + section.size]):
            if info & 0xFFFFFFFF != ADDRESS:
                raise LookupError(f"relocation {info & 0xFFFFFFFF}")
            struct.pack_into("<Q", memory, places[section.info] + offset, resolved(rows[info >> 32]) + addend)
    if ctypes.CDLL(None).mprotect(ctypes.c_void_p(base), ctypes.c_size_t(size), READ_AND_RUN):
        raise LookupError("the system lets nothing run in memory that was written")
    # For good: at exit modules are emptied while threads may still run what they were given.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(memory))
    found = [resolved(row) for row in rows if row[3] in places and name_of(row) == wanted]
    if not found:
        raise LookupError(f"{wanted} is missing")
    return found[0]
