"""A stolen administrator's day: what an administrator's account does at night when somebody else has its password."""

from collections.abc import Iterator
from typing import NamedTuple

from receiver.senders.centurylink.made_up.people_scenes import make_user
from receiver.senders.centurylink.made_up.server_scenes import MINUTE, deletion_steps
from receiver.senders.centurylink.made_up.stories.stage import (
    Chapter,
    Stage,
    appearance,
    change_server,
    outside_address,
    staff,
)
from receiver.senders.centurylink.made_up.world import Account, Server, User, step
from receiver.senders.made_up import Step

EVENTS_BEFORE = 36
EVENTS_AFTER = 8
SERVERS = 14
SERVERS_LEFT = 2
MAIL_DOMAIN = "mailbox.example"


class _Customer(NamedTuple):
    account: Account
    people: list[User]

    def appearance(self) -> list[Step]:
        return appearance(self.account, self.people)


class _Cast(NamedTuple):
    """The administrator's own account, a sub-account that he never touched, and an account of another branch.

    The first of `own.people` is the administrator, the last a user who was disabled long ago.
    """

    own: _Customer
    below: _Customer
    elsewhere: _Customer


def stolen_administrator(stage: Stage, at: float) -> Iterator[Chapter]:
    """Tell the days before, the night, and the morning after."""
    own = stage.customer()
    accounts = (own, stage.customer(own), stage.customer())
    cast = _Cast(
        *(_Customer(account, staff(stage.world, account, n)) for account, n in zip(accounts, (8, 2, 2), strict=True))
    )
    yield from _before(stage, cast, stage.day_before(at))
    intruder = make_user(stage.world, own.alias)
    yield Chapter(at, list(_users_in_the_night(cast, intruder)))
    yield Chapter(at + 28 * MINUTE, list(_other_accounts(stage, cast)))
    yield Chapter(at + 48 * MINUTE, list(_own_servers(stage, cast)))
    yield Chapter(at + 70 * MINUTE, list(_burst(cast)))
    yield Chapter(at + 95 * MINUTE, list(_deletions(stage, cast)))
    yield Chapter(at + 420 * MINUTE, list(_morning(stage, cast, intruder)))
    yield from stage.live_on(at + 480 * MINUTE, stage.end, EVENTS_AFTER)


def _before(stage: Stage, cast: _Cast, finish: float) -> Iterator[Chapter]:
    opening = stage.opening
    yield Chapter(opening, cast.own.appearance())
    yield Chapter(opening + 20 * MINUTE, cast.below.appearance())
    yield Chapter(opening + 30 * MINUTE, cast.elsewhere.appearance())
    *active, dormant = cast.own.people
    dormant.status = "Disabled"
    yield Chapter(opening + 40 * MINUTE, [step(0, "User.Updated", dormant)])
    begin = opening + 60 * MINUTE
    part = (finish - begin) / 10
    yield from stage.build(cast.own.account, active, begin, begin + 3 * part, SERVERS)
    yield from stage.build(cast.below.account, cast.below.people, begin + 3 * part, begin + 4 * part, 3)
    yield from stage.build(cast.elsewhere.account, cast.elsewhere.people, begin + 4 * part, begin + 5 * part, 3)
    yield from stage.live_on(begin + 5 * part, finish, EVENTS_BEFORE)


def _users_in_the_night(cast: _Cast, intruder: User) -> Iterator[Step]:
    """Take the administrator's password and e-mail address, and make an unknown user."""
    administrator = cast.own.people[0]
    yield step(0, "User.Updated", administrator)
    administrator.email_address = outside_address(administrator, MAIL_DOMAIN)
    yield step(11 * MINUTE, "User.Updated", administrator)
    intruder.email_address = outside_address(intruder, MAIL_DOMAIN)
    yield step(19 * MINUTE, "User.Created", intruder)


def _other_accounts(stage: Stage, cast: _Cast) -> Iterator[Step]:
    """Act where the administrator never did. The account above hears of its sub-account's servers too, as a copy."""
    administrator = cast.own.people[0]
    opened, stopped, _ = stage.world.servers_of(cast.below.account.alias)
    stage.publish(opened)
    yield change_server(0, opened, administrator)._replace(copies=1)
    stopped.power_state = "stopped"
    yield change_server(3 * MINUTE, stopped, administrator)._replace(copies=1)
    foreign = stage.world.servers_of(cast.elsewhere.account.alias)[0]
    stage.publish(foreign)
    yield change_server(8 * MINUTE, foreign, administrator)


def _own_servers(stage: Stage, cast: _Cast) -> Iterator[Step]:
    """Open the servers that will not be deleted, and one that will."""
    for number, server in enumerate(_servers_of(stage, cast.own)[: SERVERS_LEFT + 1]):
        stage.publish(server)
        yield change_server(5 * MINUTE * number, server, cast.own.people[0])


def _burst(cast: _Cast) -> Iterator[Step]:
    """Change the passwords of all colleagues, and enable a disabled user."""
    _, *colleagues, dormant = cast.own.people
    for number, colleague in enumerate(colleagues):
        yield step(MINUTE * number, "User.Updated", colleague)
    dormant.status = "Active"
    yield step(12 * MINUTE, "User.Updated", dormant)


def _deletions(stage: Stage, cast: _Cast) -> Iterator[Step]:
    for number, server in enumerate(_servers_of(stage, cast.own)[SERVERS_LEFT:]):
        yield from deletion_steps(stage.world, server, 3 * MINUTE * number, cast.own.people[0].user_name)


def _morning(stage: Stage, cast: _Cast, intruder: User) -> Iterator[Step]:
    """Disable all three users, delete the unknown one, and close the opened servers."""
    administrator, colleague, *_, dormant = cast.own.people
    for number, user in enumerate((administrator, intruder, dormant)):
        user.status = "Disabled"
        yield step(MINUTE * number, "User.Updated", user)
    stage.world.remove_user(intruder)
    intruder.status = "Deleted"
    yield step(15 * MINUTE, "User.Deleted", intruder)
    helpers = ((cast.own, colleague), (cast.below, cast.below.people[0]), (cast.elsewhere, cast.elsewhere.people[0]))
    for customer, helper in helpers:
        for server in stage.world.servers_of(customer.account.alias):
            if server.public_addresses:
                server.public_addresses = ()
                yield change_server(20 * MINUTE, server, helper)


def _servers_of(stage: Stage, customer: _Customer) -> list[Server]:
    return sorted(stage.world.servers_of(customer.account.alias), key=lambda server: server.name)
