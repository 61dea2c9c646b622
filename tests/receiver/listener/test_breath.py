"""A loop that never waits rests now and then while strangers are there; otherwise it does not."""

import asyncio

import pytest

from receiver.listener.turns import Breath


async def never_wait():
    def go_on():
        asyncio.get_running_loop().call_soon(go_on)

    go_on()


def test_a_loop_that_strangers_keep_at_work_rests():
    async def work():
        rested = asyncio.Queue()
        Breath(lambda: True, rested.put_nowait).start()
        await never_wait()
        return await rested.get()

    assert asyncio.run(asyncio.wait_for(work(), 60)) == 0.001


@pytest.mark.parametrize(("has_strangers", "is_busy"), [(True, False), (False, True)])
def test_a_loop_that_waits_or_works_for_the_sender_alone_does_not_rest(has_strangers, is_busy):
    async def work():
        rested = []
        Breath(lambda: has_strangers, rested.append).start()
        if is_busy:
            await never_wait()
        await asyncio.sleep(0.1)
        return rested

    assert asyncio.run(work()) == []
