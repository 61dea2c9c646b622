"""Made-up events: a small reseller's accounts, users and servers, what happens to them, and the bodies of it."""

from receiver.senders.centurylink.made_up.bodies import HEADERS, Stamps
from receiver.senders.centurylink.made_up.everyday import read_account, subject_for, tell, weight_of
from receiver.senders.centurylink.made_up.stories import STORIES, plan_story
from receiver.senders.centurylink.made_up.world import DEMO_ALIAS, World
from receiver.senders.made_up import MadeUp

__all__ = ["MADE_UP"]

MADE_UP = MadeUp(
    headers=HEADERS,
    new_world=World,
    tell=tell,
    weight_of=weight_of,
    new_bodies=Stamps,
    stories=tuple(STORIES),
    plan_story=plan_story,
    subject_for=subject_for,
    read_account=read_account,
    account=DEMO_ALIAS,
)
