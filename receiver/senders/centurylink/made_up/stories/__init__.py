"""Stories for an audit: incidents that security people look for, each with a cast of its own."""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from receiver.senders.centurylink.made_up.server_scenes import MINUTE
from receiver.senders.centurylink.made_up.stories.public_server import public_server
from receiver.senders.centurylink.made_up.stories.sign_up import sign_up
from receiver.senders.centurylink.made_up.stories.stage import Chapter, Stage
from receiver.senders.centurylink.made_up.stories.stolen_administrator import stolen_administrator
from receiver.senders.made_up import PlannedStory, Step
from receiver.senders.timetable import DAY, Timetable

__all__ = ["STORIES", "Story", "plan_story"]


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
    "stolen-administrator": Story(stolen_administrator, 0.85, 1.8, weekday=True, digits="789", network="198.51.100"),
}
"""Every story by its name on the command line."""
SHORTEST = 3 * DAY
"""In less time a story is told faster."""


def plan_story(name: str, seed: int, start: float, end: float) -> PlannedStory:
    """Put a story on a timetable between two times (seconds since 1970). The same seed brings the same cast."""
    story = STORIES[name]
    pace = min((end - start) / SHORTEST, 1.0)
    stage = Stage(Random(f"{seed}/{name}"), end - (end - start) / pace, end, story.digits, story.network)
    begins = stage.moment(story.share, story.hour, weekday=story.weekday) + stage.world.rng.uniform(0, 10) * MINUTE

    def faster(at: float) -> float:
        return end - (end - at) * pace

    chapters = (
        Chapter(min(faster(at), end), [step._replace(delay=step.delay * pace) for step in steps])
        for at, steps in story.tell(stage, begins)
    )
    return PlannedStory(faster(begins), _timed(chapters, end))


def _timed(chapters: Iterator[Chapter], end: float) -> Iterator[tuple[float, Step]]:
    timetable = Timetable()
    for at, steps in chapters:
        yield from timetable.take_until(at)
        timetable.add(at, steps, end)
    yield from timetable.take_until(end)
