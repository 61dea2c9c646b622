"""The subject of one event of a chosen account, such as the changed address that tries a receiver out."""

import re
from random import Random

from receiver.senders.centurylink.made_up.people_scenes import change_address, make_account, make_user, rename
from receiver.senders.centurylink.made_up.server_scenes import fire_alert, make_server, resize_server
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


def subject_for(world: World, rng: Random, event_type: str, alias: str) -> WorldSubject:
    """Return the subject of an event for an account, changed as the event says; missing entities are made up.

    The change is drawn from `rng`, and so are all later changes of the world.
    """
    world.rng = rng
    return _subject(world, event_type, world.account(alias) or _new_account(world, alias))


def read_account(text: str) -> str:
    """Return an account's alias in upper case.

    Raises:
        ValueError: it is no alias; the text says what an alias looks like.
    """
    if not re.fullmatch(r"[A-Za-z0-9]{2,4}", text):
        raise ValueError(f"{text!r} is not an account alias, which is 2 to 4 letters or digits.")
    return text.upper()


def _new_account(world: World, alias: str) -> Account:
    return make_account(world, world.account(ROOT_ALIAS), alias, DEMO_NAME if alias == DEMO_ALIAS else "")


def _subject(world: World, event_type: str, account: Account) -> WorldSubject:
    category, _, action = event_type.partition(".")
    if category == "Account":
        return _account_as_of(world, action, account)
    if category == "User":
        return _user_as_of(world, action, account)
    if category == "Alert":
        return fire_alert(world, _server(world, account))
    return _server_as_of(world, action, account)


def _account_as_of(world: World, action: str, account: Account) -> Account:
    if action == "Updated":
        change_address(world, account)
    elif action == "Deleted":
        account.status = "Deleted"
    return account


def _user_as_of(world: World, action: str, account: Account) -> User:
    if action == "Created":
        return make_user(world, account.alias)
    user = _user(world, account)
    if action == "Updated":
        rename(world, user)
    else:
        user.status = "Deleted"
    return user


def _server_as_of(world: World, action: str, account: Account) -> Server:
    if action == "Created":
        return make_server(world, account, world.actor_for(account.alias))
    server = _server(world, account)
    if action == "Updated":
        resize_server(world, server)
        server.modified_by = world.actor_for(account.alias)
    return server


def _user(world: World, account: Account) -> User:
    users = world.users_by_account.get(account.alias)
    return world.rng.choice(users) if users else make_user(world, account.alias)


def _server(world: World, account: Account) -> Server:
    servers = [server for server in world.servers_of(account.alias) if server.status == "active"]
    if servers:
        return world.rng.choice(servers)
    server = make_server(world, account, world.actor_for(account.alias))
    server.status = "active"
    return server
