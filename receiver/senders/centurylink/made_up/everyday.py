"""Everyday life in the world: the order of its scenes, the same at any time; and one event of a chosen account."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import NamedTuple

from receiver.senders.centurylink.made_up import people_scenes as people
from receiver.senders.centurylink.made_up import server_scenes as servers
from receiver.senders.centurylink.made_up.steps import Scene, Step
from receiver.senders.centurylink.made_up.world import (
    DEMO_ALIAS,
    DEMO_NAME,
    ROOT_ALIAS,
    Account,
    Server,
    User,
    World,
    WorldSubject,
)
from receiver.senders.made_up import HOUR

COPIED_SHARE = 0.02
ODD_WEIGHT = 0.15
"""How much of the usual time passes during an odd scene: a burst is many notifications in little time."""

SCENES: tuple[tuple[Callable[[World], list[Step]], float], ...] = (
    (servers.alert, 15),
    (servers.resize, 9),
    (servers.switch_power, 7),
    (servers.change_disks, 6),
    (servers.build, 5),
    (servers.change_description, 5),
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
    position, upcoming = 0, odd_scenes(seed)
    odd = next(upcoming)
    ordinary, frequencies = zip(*SCENES, strict=True)
    for steps in people.opening_scenes(world):
        position += len(steps)
        yield Scene(steps, len(steps))
    while True:
        is_odd = position >= odd.position
        play = odd.play if is_odd else world.rng.choices(ordinary, frequencies)[0]
        steps = [step._replace(copies=1) if world.chance(COPIED_SHARE) else step for step in play(world)]
        count = sum(1 + step.copies for step in steps)
        position += count
        quick = 0.0
        if is_odd:
            quick, odd = (1 - ODD_WEIGHT) * min(odd.notifications, count), next(upcoming)
        if steps:
            yield Scene(steps, count - quick)


class OddScene(NamedTuple):
    """An odd scene: how many notifications come before it, and how many it brings at least."""

    position: int
    notifications: int
    play: Callable[[World], list[Step]]


def odd_scenes(seed: int) -> Iterator[OddScene]:
    """Yield a seed's odd scenes for ever: projects that are built out, ever larger and rarer."""
    rng = Random(f"{seed}/odd")
    position, growth = rng.uniform(1100, 1500), 1.0
    while True:
        count = round(100 * growth)
        yield OddScene(round(position), 2 * count, partial(build_out, count=count))
        position *= rng.uniform(2.2, 3.6)
        growth *= 1.5


def build_out(world: World, count: int) -> list[Step]:
    """Let a customer who has servers build a whole project within three hours: an odd day."""
    neighbour = world.servers.draw(world.rng, lambda server: servers.works(world, server), 100)
    account = world.account(neighbour.account_alias) if neighbour else people.active_account(world)
    if account is None:
        return []
    actor, delay, steps = world.actor_for(account.alias), 0.0, list[Step]()
    for _ in range(count):
        delay += world.rng.expovariate(count / (3 * HOUR))
        steps += servers.build_steps(world, servers.make_server(world, account, actor), delay)
    return sorted(steps, key=lambda s: s.delay)


def subject_for(world: World, rng: Random, event_type: str, alias: str) -> WorldSubject:
    """Return the subject of an event for an account, changed as the event says; missing entities are made up.

    The change is drawn from `rng`, and so are all later changes of the world.
    """
    world.rng = rng
    name = DEMO_NAME if alias == DEMO_ALIAS else ""
    account = world.account(alias) or people.make_account(world, world.account(ROOT_ALIAS), alias, name)
    category, _, action = event_type.partition(".")
    if category == "Account":
        return _account_as_of(world, action, account)
    if category == "User":
        return _user_as_of(world, action, account)
    if category == "Alert":
        return servers.fire_alert(world, _server(world, account))
    return _server_as_of(world, action, account)


def read_account(text: str) -> str:
    """Return an account's alias in upper case.

    Raises:
        ValueError: it is no alias; the text says what an alias looks like.
    """
    if not re.fullmatch(r"[A-Za-z0-9]{2,4}", text):
        raise ValueError(f"{text!r} is not an account alias, which is 2 to 4 letters or digits.")
    return text.upper()


def _account_as_of(world: World, action: str, account: Account) -> Account:
    if action == "Updated":
        people.change_address(world, account)
    elif action == "Deleted":
        account.status = "Deleted"
    return account


def _user_as_of(world: World, action: str, account: Account) -> User:
    if action == "Created":
        return people.make_user(world, account.alias)
    user = _user(world, account)
    if action == "Updated":
        people.rename(world, user)
    else:
        user.status = "Deleted"
    return user


def _server_as_of(world: World, action: str, account: Account) -> Server:
    if action == "Created":
        return servers.make_server(world, account, world.actor_for(account.alias))
    server = _server(world, account)
    if action == "Updated":
        servers.resize_server(world, server)
        server.modified_by = world.actor_for(account.alias)
    return server


def _user(world: World, account: Account) -> User:
    users = world.users_by_account.get(account.alias)
    return world.rng.choice(users) if users else people.make_user(world, account.alias)


def _server(world: World, account: Account) -> Server:
    active = [server for server in world.servers_of(account.alias) if server.status == "active"]
    if active:
        return world.rng.choice(active)
    server = servers.make_server(world, account, world.actor_for(account.alias))
    server.status = "active"
    return server
