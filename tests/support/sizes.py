"""How big the tests are that repeat something: small in CI, whole with `DURABILITY=full`."""

import os
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T", int, str)
Case = TypeVar("Case")


def size(ci: T, full: T) -> T:
    """Choose a number of repetitions, or which cases there are."""
    return full if is_full() else ci


def is_full() -> bool:
    """Say whether everything runs, also what proves again in another way what quicker tests show."""
    return os.environ.get("DURABILITY") == "full"


def take_few(cases: Iterable[Case], ci: int) -> list[Case]:
    """Return the first cases, or all with `DURABILITY=full`; use it where all cases prove the same promise."""
    listed = list(cases)
    return listed[: size(ci, len(listed))]
