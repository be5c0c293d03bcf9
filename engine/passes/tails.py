"""Tails: elementwise operators become links of the chain that the operator before them ends in.

An operator of OWN_INPUTS applies its chain before it stores; elsewhere two elementwise operators, one behind the other,
become one Chain. So does x with what was made of x, as in x * Sigmoid(x).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from engine.graph import Node
from engine.passes.view import View
from kernels.chain import KEEP, KEPT, OPERANDS, Link, blockable, chains_of, two
from kernels.op import Call
from kernels.product import PRODUCTS, as_rows

# Operators that end in a chain, and how many inputs they have besides the chain's operands, which follow.
OWN_INPUTS = {"Conv": 4, "Affine": 3} | dict.fromkeys(PRODUCTS, 3)
Links = tuple[Link, ...]


def chains(view: View, node: Node, *, rows: bool = False) -> Iterator[tuple[str, Links]]:
    """An elementwise node as a tensor and the links behind it; operands count the node's inputs.

    One for each input that the chain may begin with, the last one first: of two branches that meet it is usually
    the later. With `rows` as behind a matrix product, whose columns are channels.
    """
    if node.proto is not None:
        return
    call = as_rows(view.call(node)) if rows else view.call(node)
    for position, links in reversed(list(chains_of(call))):
        begin = node.inputs[position]
        again = tuple(replace(link, operand=KEPT) if _read(node, link) == begin else link for link in links)
        if again == links:
            yield begin, links
        elif KEEP not in links:
            yield begin, (KEEP, *again)


def _read(node: Node, link: Link) -> str | None:
    """The tensor that a link reads."""
    return None if link.operand is None or link.operand < 0 else node.inputs[link.operand]


def _moved(links: Links, node: Node, inputs: tuple[str, ...]) -> tuple[Links, tuple[str, ...]]:
    """Links whose operands count other inputs, those given and what the links need besides."""
    inputs += tuple(dict.fromkeys(name for link in links if (name := _read(node, link)) and name not in inputs[1:]))
    names = [_read(node, link) for link in links]
    pairs = zip(links, names, strict=True)
    return tuple(link if name is None else replace(link, operand=inputs.index(name, 1)) for link, name in pairs), inputs


def chain_with_its_beginning(view: View, node: Node) -> Node | None:
    """x, a chain of x that nobody else reads, and an operator of both -> one Chain of x."""
    if node.proto is not None or len(node.inputs) != 2 or node.inputs[0] == node.inputs[1]:
        return None
    for begin, (link, *more) in chains(view, node):
        before = None if more else view.before(begin)
        for start, links in chains(view, before) if before else ():
            if before is not None and start == _read(node, link) and KEEP not in links[1:]:
                kept = links if links[0] == KEEP else (KEEP, *links)
                whole, inputs = _moved((*kept, two(link.function, KEPT, first=link.first)), before, (start,))
                return Node("Chain", before.name, inputs, node.outputs, {"chain": whole})
    return None


def links_into_carrier(view: View, node: Node) -> Node | None:
    """An operator of OWN_INPUTS, then an elementwise one -> the former with a longer chain."""
    ways = [(each, rows) for rows in (False, True) for each in chains(view, node, rows=rows)]
    for (begin, links), rows in ways:
        before = view.before(begin)
        if before is None or before.op not in OWN_INPUTS or (before.op in PRODUCTS) != rows:
            continue
        if not _carried(view, before, node, links):
            continue
        own = OWN_INPUTS[before.op]
        inputs = before.inputs + ("",) * (own - len(before.inputs))
        moved, inputs = _moved(links, node, inputs)
        if len(inputs) - own > OPERANDS:
            continue
        chain = (*before.attributes.get("chain", ()), *moved)
        kept = before.inputs if len(inputs) == own else inputs
        return replace(before, inputs=kept, outputs=node.outputs).with_attributes(chain=chain)
    return None


def _carried(view: View, before: Node, node: Node, links: Links) -> bool:
    """Whether the operator's kernels have what the links need: constants a column, or what may lie in blocks."""
    call = view.call(node)
    if before.op in ("Conv", "Affine"):
        return blockable(call, links)
    columns = call.outputs[0].shape[-1]
    operands = [view.value(name) for link in links if (name := _read(node, link))]
    return view.value(before.inputs[1]) is not None and all(
        value is not None and value.size == columns == value.shape[-1] for value in operands
    )


def _reads_images(call: Call, links: Links) -> bool:
    """Whether the links need a tensor that is computed, which would have to lie as the chain's own do."""
    return any(link.operand is not None and link.operand >= 0 and link.operand not in call.constants for link in links)


def links_into_chain(view: View, node: Node) -> Node | None:
    """Two elementwise operators, one behind the other -> one Chain, if no further tensor has to change its layout."""
    for begin, links in chains(view, node):
        before = view.before(begin)
        if before is None:
            continue
        for start, first in chains(view, before):
            calls = (view.call(before), first), (view.call(node), links)
            alike = len({blockable(*each) for each in calls}) == 1 or not any(_reads_images(*each) for each in calls)
            one, inputs = _moved(first, before, (start,))
            other, inputs = _moved(links, node, inputs)
            if alike and len(inputs) - 1 <= OPERANDS and start not in inputs[1:]:
                return Node("Chain", before.name, inputs, node.outputs, {"chain": (*one, *other)})
    return None
