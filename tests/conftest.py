"""Which tests run, and in which order: modules that take longest first, so that no process is left alone with them."""

from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path

import pytest

from tests.support.sizes import is_full

BUSY, WAITING = "browser", "durability"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests with the mark `full` unless they are asked for, and order the rest."""
    if not is_full() and "full" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("full")]
        items[:] = [item for item in items if not item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)
    order(items)


def order(items: list[pytest.Item]) -> None:
    """Put a module that keeps a processor busy beside one that mostly waits, and all short ones after these."""
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
    pairs = zip_longest(_in(modules, BUSY), _in(modules, WAITING), fillvalue=[])
    short = [tests for path, tests in modules.items() if _room(path) not in (BUSY, WAITING)]
    items[:] = chain.from_iterable([*chain.from_iterable(pairs), *short])


def _in(modules: dict[Path, list[pytest.Item]], folder: str) -> Iterator[list[pytest.Item]]:
    return (tests for path, tests in modules.items() if _room(path) == folder)


def _room(path: Path) -> str:
    return path.relative_to(Path(__file__).parent).parts[0]
