"""A loop that never waits rests now and then; one that waits does not."""

import asyncio

from receiver.listener.breath import Breath


def test_a_loop_that_never_waits_rests():
    async def work():
        rested = []
        Breath(rested.append).start()
        while not rested:
            await asyncio.sleep(0)
        return rested

    assert asyncio.run(asyncio.wait_for(work(), 60)) == [0.001]


def test_a_loop_that_waits_does_not_rest():
    async def wait():
        rested = []
        Breath(rested.append).start()
        await asyncio.sleep(0.1)
        return rested

    assert asyncio.run(wait()) == []
