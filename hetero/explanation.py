"""Explanation: a plan in words: what is predicted, proven and measured, what runs where, what moving it would cost."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hetero.plan import Plan


def explained(plan: Plan) -> str:
    """Lines of text, the last of them a table of operators."""
    lines = [f"plan {plan.name} (strategy {plan.strategy}), model {plan.model[:12]}"]
    lines += [f"  {key}: {name}" for key, name in plan.devices.items()]
    divided = f", divided among {plan.streams} frames at once" if plan.streams > 1 else ""
    lines.append(f"  CPU threads: {'all' if plan.threads is None else plan.threads}{divided}")
    if plan.predicted is not None:
        proven = "" if plan.bound is None else f", no plan below {_ms(plan.bound)}"
        gap = "" if plan.gap is None else f" (gap {plan.gap:.1%})"
        lines.append(f"  predicted: {_ms(plan.predicted)} a frame{proven}{gap}")
    if plan.measured is not None:
        missed = f" ({plan.measured / plan.predicted - 1:+.1%} of the prediction)" if plan.predicted else ""
        lines.append(f"  measured: {_ms(plan.measured)} a frame{missed}")
    if plan.batch > 1:
        lines.append(f"  frames run {plan.batch} at once: while the devices are busy one waits for {plan.batch - 1}")
    lines.append(f"  {'frames' if plan.batch == 1 else 'batches'} in flight: {plan.slots}")
    shares = Counter(plan.schedule)
    for number, placement in enumerate(plan.placements):
        counts = Counter(placement.values())
        where = ", ".join(f"{counts[key]} on {key}" for key in plan.devices if counts[key])
        share = f"{shares[number]} of every {len(plan.schedule)} frames"
        lines.append(f"  placement {number}, {share}: {where or 'no operators'}")
    head = ["operator", *(f"placement {n}" for n in range(len(plan.placements))), *plan.devices]
    if plan.prices:
        head += [f"moved to {key}" for key in plan.devices]
    rows = [head] + [_row(plan, operator) for operator in plan.placements[0]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        lines.append("  ".join(map(str.ljust, row, widths)).rstrip())
    return "\n".join(lines)


def _row(plan: Plan, operator: str) -> list[str]:
    costs = plan.costs.get(operator, {})
    times = [_ms(costs[key]) if key in costs else "-" for key in plan.devices]
    if plan.prices:
        prices = plan.prices.get(operator, {})
        times += [f"{prices[key] * 1e3:+.3f} ms" if key in prices else "-" for key in plan.devices]
    return [operator, *(placement[operator] for placement in plan.placements), *times]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f} ms"
