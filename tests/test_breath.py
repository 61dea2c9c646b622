"""A loop that never waits rests now and then; one that waits does not."""

import asyncio

from receiver.listener.breath import Breath


def test_a_loop_that_never_waits_rests():
    async def work():
        loop, rested = asyncio.get_running_loop(), asyncio.Queue()
        Breath(rested.put_nowait).start()

        def never_wait():
            loop.call_soon(never_wait)

        never_wait()
        return await rested.get()

    assert asyncio.run(asyncio.wait_for(work(), 60)) == 0.001


def test_a_loop_that_waits_does_not_rest():
    async def wait():
        rested = []
        Breath(rested.append).start()
        await asyncio.sleep(0.1)
        return rested

    assert asyncio.run(wait()) == []
