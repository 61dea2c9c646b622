"""What a benchmark found, as a table and as JSON."""

import json
import math
from collections.abc import Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """A figure that was measured: what, how much, in which unit, what it should be, and what else is to say."""

    what: str
    value: float
    unit: str
    goal: str
    remark: str = ""


def part(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def amount(value: float) -> str:
    """Write a value, a small one with decimals."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2f}"


def as_table(figures: Sequence[Figure]) -> str:
    """Write figures as a table of Markdown."""
    lines = ["| what | measured | goal | remark |", "| --- | --- | --- | --- |"]
    for what, value, unit, goal, remark in figures:
        wanted = f"{goal} {unit}" if goal else ""
        lines.append(f"| {what} | {amount(value)} {unit} | {wanted} | {remark} |")
    return "\n".join(lines)


def as_json(figures: Sequence[Figure]) -> str:
    """Write figures as a JSON array of objects."""
    return json.dumps([figure._asdict() for figure in figures], indent=1, ensure_ascii=False)
