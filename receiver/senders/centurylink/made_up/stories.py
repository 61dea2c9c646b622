"""Stories for an audit: incidents that security people look for, each with a cast of its own."""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from receiver.senders.centurylink.made_up.people_scenes import closing_steps, make_user
from receiver.senders.centurylink.made_up.server_scenes import (
    SIZES,
    build_steps,
    clear_alert,
    deletion_steps,
    fire_alert,
    make_server,
    resize_server,
)
from receiver.senders.centurylink.made_up.stage import (
    Chapter,
    Stage,
    appearance,
    change_server,
    outside_address,
    staff,
)
from receiver.senders.centurylink.made_up.steps import PlannedStory, Step, Timetable, step
from receiver.senders.centurylink.made_up.world import Account, Alert, Server, User
from receiver.senders.made_up import DAY, MINUTE

SHORTEST = 3 * DAY
"""In less time a story is told faster."""
BIG_SERVERS = 16
OPEN_SERVERS = 6
FREE_MAIL_DOMAIN = "freemail.example"
EVENTS_BEFORE_PUBLIC = 80
EVENTS_AFTER_PUBLIC = 20
EVENTS_BEFORE_STOLEN = 36
EVENTS_AFTER_STOLEN = 8
EVENTS_BEFORE_OUTAGE = 60
EVENTS_AFTER_OUTAGE = 20
SERVERS_IN_OUTAGE = 48
SERVERS_BUILT = 14
SERVERS_LEFT = 2
STOLEN_MAIL_DOMAIN = "mailbox.example"


def sign_up(stage: Stage, at: float) -> Iterator[Chapter]:
    """Tell a fraudulent sign-up: a fresh account builds the biggest servers at once, until the reseller notices."""
    account = stage.customer()
    (user,) = staff(stage.world, account, 1)
    user.email_address = outside_address(user, FREE_MAIL_DOMAIN)
    yield Chapter(at, appearance(account, [user]))
    yield Chapter(at + 5 * MINUTE, sorted(_shopping(stage, account, user), key=lambda s: s.delay))
    noticed = at + stage.world.rng.uniform(110, 170) * MINUTE
    account.status = "Disabled"
    disabled = step(0, "Account.Updated", account)
    yield Chapter(noticed, [disabled, *closing_steps(stage.world, account, 10 * MINUTE)])


def _shopping(stage: Stage, account: Account, user: User) -> Iterator[Step]:
    """Build servers within half an hour, and open some of them to the internet as soon as they are complete."""
    delay = 0.0
    for number in range(BIG_SERVERS):
        delay += stage.world.rng.uniform(70, 120)
        server = make_server(stage.world, account, user.user_name, size=SIZES[-1])
        created, complete = build_steps(stage.world, server, delay)
        yield from (created, complete)
        if number < OPEN_SERVERS:
            stage.publish(server)
            yield change_server(complete.delay + MINUTE, server, user)


def public_server(stage: Stage, at: float) -> Iterator[Chapter]:
    """Tell a server's long life, the minute at which it becomes public, and how life goes on.

    The user who opens it belongs to the customer's sub-account, an agency that has a server of its own.
    """
    customer = stage.customer()
    people = staff(stage.world, customer, 3)
    agency = stage.customer(customer)
    (freelancer,) = staff(stage.world, agency, 1)
    opening = stage.opening
    built = opening + (at - opening) / 10
    yield Chapter(opening, appearance(customer, people))
    yield Chapter(opening + 10 * MINUTE, appearance(agency, [freelancer]))
    yield from stage.build(customer, people, opening + 20 * MINUTE, built, len(people))
    yield from stage.build(agency, [freelancer], built, built + 20 * MINUTE, 1)
    yield from stage.live_on(built + 40 * MINUTE, stage.day_before(at), EVENTS_BEFORE_PUBLIC)
    server = stage.world.servers_of(customer.alias)[0]
    resize_server(stage.world, server)
    yield Chapter(at - 55 * MINUTE, [change_server(0, server, people[0])])
    stage.publish(server)
    yield Chapter(at, [change_server(0, server, freelancer)])
    resize_server(stage.world, server)
    yield Chapter(at + 50 * MINUTE, [change_server(0, server, people[1])])
    yield from stage.live_on(at + 240 * MINUTE, stage.end, EVENTS_AFTER_PUBLIC)


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
    """Tell what an administrator's account does at night when somebody else has its password."""
    own = stage.customer()
    accounts = (own, stage.customer(own), stage.customer())
    cast = _Cast(
        *(_Customer(account, staff(stage.world, account, n)) for account, n in zip(accounts, (8, 2, 2), strict=True))
    )
    yield from _days_before(stage, cast, stage.day_before(at))
    intruder = make_user(stage.world, own.alias)
    yield Chapter(at, list(_users_in_the_night(cast, intruder)))
    yield Chapter(at + 28 * MINUTE, list(_other_accounts(stage, cast)))
    yield Chapter(at + 48 * MINUTE, list(_own_servers(stage, cast)))
    yield Chapter(at + 70 * MINUTE, list(_burst(cast)))
    yield Chapter(at + 95 * MINUTE, list(_deletions(stage, cast)))
    yield Chapter(at + 420 * MINUTE, list(_morning(stage, cast, intruder)))
    yield from stage.live_on(at + 480 * MINUTE, stage.end, EVENTS_AFTER_STOLEN)


def _days_before(stage: Stage, cast: _Cast, finish: float) -> Iterator[Chapter]:
    opening = stage.opening
    yield Chapter(opening, cast.own.appearance())
    yield Chapter(opening + 20 * MINUTE, cast.below.appearance())
    yield Chapter(opening + 30 * MINUTE, cast.elsewhere.appearance())
    *active, dormant = cast.own.people
    dormant.status = "Disabled"
    yield Chapter(opening + 40 * MINUTE, [step(0, "User.Updated", dormant)])
    begin = opening + 60 * MINUTE
    part = (finish - begin) / 10
    yield from stage.build(cast.own.account, active, begin, begin + 3 * part, SERVERS_BUILT)
    yield from stage.build(cast.below.account, cast.below.people, begin + 3 * part, begin + 4 * part, 3)
    yield from stage.build(cast.elsewhere.account, cast.elsewhere.people, begin + 4 * part, begin + 5 * part, 3)
    yield from stage.live_on(begin + 5 * part, finish, EVENTS_BEFORE_STOLEN)


def _users_in_the_night(cast: _Cast, intruder: User) -> Iterator[Step]:
    """Take the administrator's password and e-mail address, and make an unknown user."""
    administrator = cast.own.people[0]
    yield step(0, "User.Updated", administrator)
    administrator.email_address = outside_address(administrator, STOLEN_MAIL_DOMAIN)
    yield step(11 * MINUTE, "User.Updated", administrator)
    intruder.email_address = outside_address(intruder, STOLEN_MAIL_DOMAIN)
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


def outage(stage: Stage, at: float) -> Iterator[Chapter]:
    """Tell an outage: all of a customer's servers alert within minutes, and two hours later all is well again."""
    customer = stage.customer()
    people = staff(stage.world, customer, 3)
    opening = stage.opening
    built = opening + (at - opening) / 3
    yield Chapter(opening, appearance(customer, people))
    yield from stage.build(customer, people, opening + 20 * MINUTE, built, SERVERS_IN_OUTAGE)
    yield from stage.live_on(built + 20 * MINUTE, stage.day_before(at), EVENTS_BEFORE_OUTAGE)
    servers = [server for server in stage.world.servers_of(customer.alias) if server.power_state == "started"]
    alerts = [fire_alert(stage.world, server) for server in servers]
    yield Chapter(at, _within(stage, 6 * MINUTE, [("Alert.Notification", alert) for alert in alerts]))
    yield Chapter(at + 35 * MINUTE, list(_restarts(servers[::3], people[0])))
    cleared = [clear_alert(stage.world, server, alert) for server, alert in zip(servers, alerts, strict=True)]
    yield Chapter(at + 100 * MINUTE, _within(stage, 20 * MINUTE, [("Alert.Notification", alert) for alert in cleared]))
    yield from stage.live_on(at + 240 * MINUTE, stage.end, EVENTS_AFTER_OUTAGE)


def _within(stage: Stage, seconds: float, events: list[tuple[str, Alert]]) -> list[Step]:
    steps = [step(stage.world.rng.uniform(0, seconds), event_type, subject) for event_type, subject in events]
    return sorted(steps, key=lambda s: s.delay)


def _restarts(servers: list[Server], actor: User) -> Iterator[Step]:
    """Power servers off and on again, one after the other."""
    for number, server in enumerate(servers):
        for seconds, state in ((0, "stopped"), (3 * MINUTE, "started")):
            server.power_state = state
            yield change_server(MINUTE * number + seconds, server, actor)


class Story(NamedTuple):
    """A story: its function, its time in a history, and what makes its cast differ from the others'.

    It begins at the last `hour` (UTC) before that `share` of the history is over, on a weekday if it says so.
    """

    tell: Callable[[Stage, float], Iterator[Chapter]]
    share: float
    hour: float
    weekday: bool
    digits: str
    network: str


STORIES = {
    "sign-up": Story(sign_up, 0.4, 21.7, weekday=False, digits="123", network="192.0.2"),
    "public-server": Story(public_server, 0.65, 16.6, weekday=True, digits="456", network="203.0.113"),
    "outage": Story(outage, 0.75, 14.2, weekday=True, digits="0", network="192.88.99"),
    "stolen-administrator": Story(stolen_administrator, 0.85, 1.8, weekday=True, digits="789", network="198.51.100"),
}
"""Every story by its name on the command line."""


def plan_story(name: str, seed: int, start: float, end: float) -> PlannedStory:
    """Put a story on a timetable between two times (seconds since 1970). The same seed brings the same cast."""
    story = STORIES[name]
    pace = min((end - start) / SHORTEST, 1.0)
    stage = Stage(Random(f"{seed}/{name}"), end - (end - start) / pace, end, story.digits, story.network)
    begins = stage.moment(story.share, story.hour, weekday=story.weekday) + stage.world.rng.uniform(0, 10) * MINUTE

    def faster(at: float) -> float:
        return end - (end - at) * pace

    chapters = (
        Chapter(min(faster(at), end), [each._replace(delay=each.delay * pace) for each in steps])
        for at, steps in story.tell(stage, begins)
    )
    return PlannedStory(faster(begins), _timed(chapters, end))


def _timed(chapters: Iterator[Chapter], end: float) -> Iterator[tuple[float, Step]]:
    timetable = Timetable()
    for at, steps in chapters:
        yield from timetable.take_until(at)
        timetable.add(at, steps, end)
    yield from timetable.take_until(end)
