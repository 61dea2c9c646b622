"""How big the long tests are: small in CI, whole with `DURABILITY=full`."""

import os
from typing import TypeVar

T = TypeVar("T", int, str)


def size(ci: T, full: T) -> T:
    """Choose a number of repetitions, or which cases there are."""
    return full if os.environ.get("DURABILITY") == "full" else ci
