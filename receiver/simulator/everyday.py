"""Everyday life in the world: which scene comes after which. It knows no clock, so it is the same at any time."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from receiver.simulator import people_scenes as people
from receiver.simulator import server_scenes as servers
from receiver.simulator.odd_scenes import odd_scenes
from receiver.simulator.world import Step, World

COPIED_SHARE = 0.02
ODD_WEIGHT = 0.15
"""How much of the usual time passes during an odd scene: a burst is many notifications in little time."""

SCENES: tuple[tuple[Callable[[World], list[Step]], float], ...] = (
    (servers.alert, 15),
    (servers.resize, 9),
    (servers.switch_power, 7),
    (servers.change_disks, 6),
    (servers.build, 5),
    (servers.describe, 5),
    (servers.add_public_address, 4),
    (servers.delete, 4.5),
    (servers.archive_or_restore, 2.5),
    (servers.remove_public_address, 1),
    (servers.make_template, 0.3),
    (people.change_password, 6),
    (people.join, 2.6),
    (people.rename_user, 2),
    (people.disable_or_enable, 1.5),
    (people.leave, 1),
    (people.correct_account, 2),
    (people.open_account, 0.5),
    (people.change_account_status, 0.5),
    (people.close_account, 0.1),
)
"""Every ordinary scene, and how often it comes in relation to the others."""


class Scene(NamedTuple):
    """Steps that belong together. `weight` is the working time that passes, in usual notifications."""

    steps: list[Step]
    weight: float


def weight_of(seed: int, count: int) -> float:
    """Return the weight of the first `count` notifications of a seed."""
    weight = float(count)
    for odd in odd_scenes(seed):
        if odd.position >= count:
            return weight
        weight -= (1 - ODD_WEIGHT) * min(odd.notifications, count - odd.position)
    raise AssertionError  # odd scenes never end


def tell(seed: int, world: World) -> Iterator[Scene]:
    """Tell everyday life scene by scene, for ever. Each changes the world before it is handed out."""
    told, odd_ones = 0, odd_scenes(seed)
    odd = next(odd_ones)
    ordinary, frequencies = zip(*SCENES, strict=True)
    for steps in people.opening_scenes(world):
        told += len(steps)
        yield Scene(steps, len(steps))
    while True:
        is_odd = told >= odd.position
        play = odd.play if is_odd else world.rng.choices(ordinary, frequencies)[0]
        steps = [step._replace(copies=1) if world.chance(COPIED_SHARE) else step for step in play(world)]
        count = sum(1 + step.copies for step in steps)
        told += count
        quick = 0.0
        if is_odd:
            quick, odd = (1 - ODD_WEIGHT) * min(odd.notifications, count), next(odd_ones)
        if steps:
            yield Scene(steps, count - quick)
