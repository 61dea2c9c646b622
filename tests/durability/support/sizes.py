"""How big the long tests are: small in CI, whole with `DURABILITY=full`."""

import os


def size(ci: int, full: int) -> int:
    """Choose a number of repetitions."""
    return full if os.environ.get("DURABILITY") == "full" else ci
