"""How big the tests are that repeat something: small in CI, whole with `DURABILITY=full`."""

import os
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T", int, str)
Case = TypeVar("Case")


def size(ci: T, full: T) -> T:
    """Choose a number of repetitions, or which cases there are."""
    return full if os.environ.get("DURABILITY") == "full" else ci


def few(cases: Iterable[Case], ci: int) -> list[Case]:
    """Take the first cases, or all with `DURABILITY=full`: of a promise that each case repeats with other words."""
    listed = list(cases)
    return listed[: size(ci, len(listed))]
