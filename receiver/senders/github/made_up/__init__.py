"""A made-up organization of GitHub: its people and repositories, their everyday life, and a few incidents."""

from receiver.senders.github.made_up.everyday import live_a_moment
from receiver.senders.github.made_up.incidents import Planned, plan_incidents
from receiver.senders.github.made_up.organization import Event, Organization, found_organization

__all__ = ["Event", "Organization", "Planned", "found_organization", "live_a_moment", "plan_incidents"]
