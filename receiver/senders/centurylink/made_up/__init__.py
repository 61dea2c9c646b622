"""Made-up events: a small reseller's accounts, users and servers, what happens to them, and the bodies of it."""

from receiver.senders.centurylink.made_up.bodies import HEADERS, Stamps
from receiver.senders.centurylink.made_up.everyday import read_account, subject_for, tell, weight_of
from receiver.senders.centurylink.made_up.steps import Step, Timetable
from receiver.senders.centurylink.made_up.stories import STORIES, plan_story
from receiver.senders.centurylink.made_up.world import DEMO_ALIAS, World

__all__ = [
    "DEMO_ALIAS",
    "HEADERS",
    "STORIES",
    "Stamps",
    "Step",
    "Timetable",
    "World",
    "plan_story",
    "read_account",
    "subject_for",
    "tell",
    "weight_of",
]
