"""The listener shares its turns out: strangers' answers wait for each other, in order, and all are given."""

import asyncio
from functools import partial

import pytest

from receiver.listener.turns import Turns


def answered_by_turn(sizes):
    """Hand all in at once, and return which were answered in each turn of the loop."""
    done: list[int] = []
    by_turn: list[list[int]] = []

    async def give():
        turns = Turns()
        for number, size in enumerate(sizes):
            turns.take(size, partial(done.append, number))
        while len(done) < len(sizes):
            by_turn.append(done[sum(map(len, by_turn)) :])
            await asyncio.sleep(0)
        by_turn.append(done[sum(map(len, by_turn)) :])

    asyncio.run(asyncio.wait_for(give(), 60))
    return by_turn


@pytest.mark.parametrize(
    ("sizes", "by_turn"),
    [
        ([100] * 3, [[0, 1, 2]]),
        ([100] * 10, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]),
        ([16_000] * 3, [[0], [1], [2]]),
    ],
)
def test_a_turn_has_few_answers_and_fewer_of_requests_with_long_headers(sizes, by_turn):
    assert [some for some in answered_by_turn(sizes) if some] == by_turn
