"""The parts of a sender's simulation: its made-up world, told in scenes and stories, and the bodies it posts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple, Protocol


class Subject(Protocol):
    """An entity of a made-up world as of an event."""

    @property
    def key(self) -> str:
        """Name the entity uniquely: its events keep their order."""

    @property
    def follows(self) -> tuple[str, ...]:
        """Name the entities whose earlier events must come before its next: itself, and those that it needs."""


class Step(NamedTuple):
    """One event of a scene: its delay in seconds from the scene's begin, its type, and its subject at that time.

    The receiver gets `copies` more of it, because a sender may post an event to several addresses.
    """

    delay: float
    event_type: str
    subject: Subject
    copies: int = 0


class Scene(NamedTuple):
    """Steps that belong together. `weight` is the working time that passes, in usual notifications."""

    steps: list[Step]
    weight: float


class PlannedStory(NamedTuple):
    """A story on a timetable: when it begins (seconds since 1970), and each step with its time, in order.

    Earlier steps are the everyday life of its cast.
    """

    begins: float
    steps: Iterator[tuple[float, Step]]


class Bodies(Protocol):
    """Makes bodies, and remembers the times that later ones repeat."""

    def note(self, event_type: str, subject: Any, at: float) -> None:
        """Remember what an event's time means for later ones."""

    def body(self, event_type: str, subject: Any, at: float) -> bytes:
        """Return the body of an event that happens at this time, and remember the time."""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A sender's made-up content. The worlds are the sender's own: no other code looks into them."""

    headers: Mapping[str, str]
    """The headers that the real sender sets beside `Content-Length` and the signature."""
    new_world: Callable[[Random], Any]
    tell: Callable[[int, Any], Iterator[Scene]]
    """Tells everyday life scene by scene, for ever, by a seed, and changes the world on the way."""
    weight_of: Callable[[int, int], float]
    """Returns the weight of the first so many notifications of a seed."""
    new_bodies: Callable[[], Bodies]
    stories: tuple[str, ...]
    """The names of the stories."""
    plan_story: Callable[[str, int, float, float], PlannedStory]
    """Puts a story on a timetable, by its name and a seed, between two times (seconds since 1970)."""
    subject_for: Callable[[Any, Random, str, str], Subject]
    """Returns the subject of one event by world, chance, event and account; missing entities are made up."""
    read_account: Callable[[str], str]
    """Returns an account's name as the platform spells it; raises ValueError with a sentence where there is none."""
    account: str
    """The account that one event is about by default."""
