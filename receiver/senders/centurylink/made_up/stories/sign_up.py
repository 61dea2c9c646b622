"""A fraudulent sign-up: a fresh account builds the biggest servers at once, until the reseller notices."""

from collections.abc import Iterator

from receiver.senders.centurylink.made_up.people_scenes import closing_steps
from receiver.senders.centurylink.made_up.server_scenes import MINUTE, SIZES, build_steps, make_server
from receiver.senders.centurylink.made_up.stories.stage import (
    Chapter,
    Stage,
    appearance,
    change_server,
    outside_address,
    staff,
)
from receiver.senders.centurylink.made_up.world import Account, User, step
from receiver.senders.made_up import Step

BIG_SERVERS = 16
OPEN_SERVERS = 6
MAIL_DOMAIN = "freemail.example"


def sign_up(stage: Stage, at: float) -> Iterator[Chapter]:
    """Tell what happens from the account's creation to its end, some hours later."""
    account = stage.customer()
    (user,) = staff(stage.world, account, 1)
    user.email_address = outside_address(user, MAIL_DOMAIN)
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
