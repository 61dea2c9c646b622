"""The means of a story: a cast of its own, everyday life for it, and the times at which things happen."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from receiver.senders.centurylink.made_up import names
from receiver.senders.centurylink.made_up import server_scenes as servers
from receiver.senders.centurylink.made_up.people_scenes import company_name, letters_of, make_account, make_user
from receiver.senders.centurylink.made_up.steps import Step, step
from receiver.senders.centurylink.made_up.world import (
    ROOT_ALIAS,
    ROOT_NAME,
    Account,
    AlertPolicy,
    PublicAddress,
    Server,
    User,
    World,
    story_addresses,
)
from receiver.senders.made_up import DAY, FIRST_WEEKEND_DAY, HOUR, MINUTE, Calendar

OPENING_SHARE = 0.03
"""By this share of the days the reseller surely exists; the cast opens its accounts below it."""
PRELUDE_SHARE = 0.25
"""A story begins no earlier in a history, so that its prelude has time."""
LIFE: tuple[tuple[Callable[[World], list[Step]], int], ...] = (
    (servers.alert, 3),
    (servers.resize, 3),
    (servers.change_disks, 3),
    (servers.change_description, 2),
    (servers.switch_power, 2),
)
"""The ordinary scenes of the cast's servers, and how often they come: nothing that an audit would find."""


class Chapter(NamedTuple):
    """Steps, and the time at which they begin (seconds since 1970)."""

    at: float
    steps: list[Step]


class Stage:
    """A world of the cast alone, and the days in which the story is told (seconds since 1970).

    Nobody in a story is part of the ordinary world: aliases have a digit in second place, which ordinary ones
    never have, and user and server names contain their alias. So the ordinary world goes on as if nothing happened.
    """

    def __init__(self, rng: Random, start: float, end: float, digits: str, network: str) -> None:
        """Prepare a stage; no other story has the `digits` of its aliases or the `network` of its public addresses."""
        self.start = start
        self.end = end
        self.world = World(rng)
        self._digits = digits
        self._addresses = iter(story_addresses(network))
        self._root = make_account(self.world, None, ROOT_ALIAS, ROOT_NAME)

    @property
    def opening(self) -> float:
        """The time at which the cast appears."""
        return Calendar(self.world.rng, self.start, self.end).find_time(OPENING_SHARE)

    def moment(self, share: float, hour: float, *, weekday: bool) -> float:
        """Return the last time of that hour (UTC) before this share of the days is over; any hour in a few days."""
        latest = self.start + share * (self.end - self.start)
        at = latest // DAY * DAY + hour * HOUR
        while at > latest or (weekday and datetime.fromtimestamp(at, UTC).weekday() >= FIRST_WEEKEND_DAY):
            at -= DAY
        return at if at > self.start + PRELUDE_SHARE * (self.end - self.start) else latest

    def day_before(self, at: float) -> float:
        """Return the time at which the everyday life before it ends: some hours earlier."""
        return at - min(5 * HOUR, (at - self.start) / 5)

    def customer(self, parent: Account | None = None) -> Account:
        """Make an account of the cast, right below the reseller or below another account."""
        rng = self.world.rng
        alias = ROOT_ALIAS
        while alias in self.world.aliases_used:
            name = company_name(self.world)
            letters = letters_of(name)
            alias = f"{letters[0]}{rng.choice(self._digits)}{letters[1:3]}"
        return make_account(self.world, parent or self._root, alias, name)

    def publish(self, server: Server) -> None:
        """Give a server a public address that no other server ever has."""
        server.public_addresses += (PublicAddress(next(self._addresses), servers.internal_address(self.world)),)

    def working_times(self, begin: float, finish: float, count: int) -> Iterator[float]:
        """Yield so many times at which people work, in order."""
        calendar = Calendar(self.world.rng, begin, finish)
        for number in range(count):
            yield calendar.find_time((number + self.world.rng.random()) / count)

    def build(self, account: Account, actors: list[User], begin: float, finish: float, count: int) -> Iterator[Chapter]:
        """Let an account's people build so many servers, each with an alert policy, one after the other, in turn."""
        for number, at in enumerate(self.working_times(begin, finish, count)):
            server = servers.make_server(self.world, account, actors[number % len(actors)].user_name)
            server.alert_policies = (AlertPolicy(self.world.new_id(), self.world.rng.choice(names.POLICY_NAMES)),)
            yield Chapter(at, servers.build_steps(self.world, server, 0))

    def live_on(self, begin: float, finish: float, count: int) -> Iterator[Chapter]:
        """Let so many ordinary things happen to the cast's servers, if there is time."""
        if begin >= finish:
            return
        scenes, frequencies = zip(*LIFE, strict=True)
        for at in self.working_times(begin, finish, count):
            yield Chapter(at, self.world.rng.choices(scenes, frequencies)[0](self.world))


def appearance(account: Account, people: list[User]) -> list[Step]:
    """Return an account's creation and, minutes apart, that of its users."""
    users = [step(2 * MINUTE * number, "User.Created", user) for number, user in enumerate(people, start=1)]
    return [step(0, "Account.Created", account), *users]


def staff(world: World, account: Account, count: int) -> list[User]:
    """Make an account's users."""
    return [make_user(world, account.alias) for _ in range(count)]


def outside_address(user: User, domain: str) -> str:
    """Return an e-mail address of a user that is none of the account's."""
    return f"{user.user_name.partition('@')[0]}@{domain}"


def change_server(delay: float, server: Server, actor: User) -> Step:
    """Return the update of a server that somebody has just changed."""
    server.modified_by = actor.user_name
    return step(delay, "Server.Updated", server)
