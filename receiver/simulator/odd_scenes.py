"""Odd days: scenes of many steps in little time, and when in everyday life they come."""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import NamedTuple

from receiver.simulator.people_scenes import active_account
from receiver.simulator.server_scenes import HOUR, build_steps, make_server, works
from receiver.simulator.world import Step, World


class OddScene(NamedTuple):
    """When an odd scene comes (after so many notifications), and how many it brings at least."""

    position: int
    notifications: int
    play: Callable[[World], list[Step]]


def odd_scenes(seed: int) -> Iterator[OddScene]:
    """Go through the odd scenes of a seed for ever: projects that are built out, ever larger and rarer."""
    rng = Random(f"{seed}/odd")
    position, growth = rng.uniform(1100, 1500), 1.0
    while True:
        count = round(100 * growth)
        yield OddScene(round(position), 2 * count, partial(build_out, count=count))
        position *= rng.uniform(2.2, 3.6)
        growth *= 1.5


def build_out(world: World, count: int) -> list[Step]:
    """Let a customer who has servers build a whole project within three hours: an odd day."""
    neighbour = world.servers.draw(world.rng, lambda server: works(world, server), 100)
    account = world.account(neighbour.account_alias) if neighbour else active_account(world)
    if account is None:
        return []
    actor, delay, steps = world.actor_for(account.alias), 0.0, list[Step]()
    for _ in range(count):
        delay += world.rng.expovariate(count / (3 * HOUR))
        steps += build_steps(world, make_server(world, account, actor), delay)
    return sorted(steps, key=lambda s: s.delay)
