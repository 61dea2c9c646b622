"""The tree of accounts with counts; an account's count includes all accounts below it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

MOST_BRANCHES = 300


class Branch(NamedTuple):
    """An account in the tree: its counts with all below it, its own count, its depth, and the number of those below."""

    alias: str
    depth: int
    events: int
    before: int
    own: int
    below: int


def roll_up(
    own: Mapping[str, tuple[int, int]], paths: Iterable[tuple[str, Sequence[str]]], open_aliases: Collection[str]
) -> list[Branch]:
    """Return the visible accounts of the tree, the largest first on each level, at most `MOST_BRANCHES`.

    Args:
        own: each account's own counts, of the time and of the time to compare with.
        paths: each account with its path from the top of the tree, itself at the end.
        open_aliases: the accounts whose sub-accounts are visible.
    """
    events: dict[str, int] = defaultdict(int)
    before: dict[str, int] = defaultdict(int)
    below: dict[str, int] = defaultdict(int)
    children: dict[str | None, list[str]] = defaultdict(list)
    placed: dict[str, Sequence[str]] = {alias: (alias,) for alias in own} | dict(paths)
    for alias, path in placed.items():
        count, count_before = own.get(alias, (0, 0))
        if not (count or count_before):
            continue
        for ancestor in path:
            events[ancestor] += count
            before[ancestor] += count_before
            below[ancestor] += ancestor != alias
    for alias in events:
        path = placed.get(alias, (alias,))
        children[path[-2] if len(path) > 1 else None].append(alias)

    def walk(parent: str | None, depth: int) -> Iterable[Branch]:
        for alias in sorted(children[parent], key=lambda alias: (-events[alias], -before[alias], alias)):
            count, _ = own.get(alias, (0, 0))
            yield Branch(alias, depth, events[alias], before[alias], count, below[alias])
            if alias in open_aliases:
                yield from walk(alias, depth + 1)

    return [branch for branch, _ in zip(walk(None, 0), range(MOST_BRANCHES), strict=False)]
