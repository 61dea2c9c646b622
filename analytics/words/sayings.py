"""What a notification's body says at the places that its sender names: a failed build, say, and its entity's name."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from analytics.senders.sender import Sender
from analytics.text import shorten

PLACE = re.compile(r"\{([^{}]*)\}")
LONGEST = 80
BETWEEN = " · "


class Saying(NamedTuple):
    """What a notification says, the name of its entity for people, and whether it tells of trouble."""

    text: str = ""
    name: str = ""
    is_trouble: bool = False

    def name_entity(self, entity: str) -> str:
        """Return the entity's name for people with its id behind it, or its id alone."""
        return f"{self.name} ({entity})" if self.name and entity else entity


def find_templates(sender: Sender, event_type: str, key: str) -> Sequence[str]:
    """Return an event's templates of what it `says`, or of its `entity_name`."""
    fitting = (each[key] for each in sender.sayings if fnmatchcase(event_type, each["pattern"]))
    return next((templates for templates in fitting if templates is not None), ())


def list_places(sender: Sender, event_type: str) -> list[str]:
    """Return the places (JSON Pointers) in an event's body of what it says."""
    templates = [*find_templates(sender, event_type, "says"), *find_templates(sender, event_type, "entity_name")]
    return PLACE.findall(" ".join(templates))


def make_saying(sender: Sender, event_type: str, values: Mapping[str, str | None]) -> Saying:
    """Return what an event says, by the values at the places in its body; a template that lacks one says nothing."""

    def fill(key: str) -> list[str]:
        templates = find_templates(sender, event_type, key)
        whole = [each for each in templates if all(map(values.get, PLACE.findall(each)))]
        texts = [PLACE.sub(lambda place: str(values[place[1]]), each).strip() for each in whole]
        return [shorten(text.partition("\n")[0], LONGEST) for text in texts]

    said = fill("says")
    is_trouble = not sender.trouble.isdisjoint([*said, re.split(r"[\W_]", event_type)[-1]])
    return Saying(BETWEEN.join(said), next(iter(fill("entity_name")), ""), is_trouble)
