"""A server becomes public: among the ordinary changes of many weeks, an unexpected user opens it."""

from collections.abc import Iterator

from receiver.senders.centurylink.made_up.server_scenes import MINUTE, resize_server
from receiver.senders.centurylink.made_up.stories.stage import Chapter, Stage, appearance, change_server, staff

EVENTS_BEFORE = 80
EVENTS_AFTER = 20


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
    yield from stage.live_on(built + 40 * MINUTE, stage.day_before(at), EVENTS_BEFORE)
    server = stage.world.servers_of(customer.alias)[0]
    resize_server(stage.world, server)
    yield Chapter(at - 55 * MINUTE, [change_server(0, server, people[0])])
    stage.publish(server)
    yield Chapter(at, [change_server(0, server, freelancer)])
    resize_server(stage.world, server)
    yield Chapter(at + 50 * MINUTE, [change_server(0, server, people[1])])
    yield from stage.live_on(at + 240 * MINUTE, stage.end, EVENTS_AFTER)
