"""A profile to change for a test, and the shipped ones."""

from functools import cache

from receiver.senders.profile import load_profile, load_shipped

MINIMAL = """\
name = "example"
title = "An example"
documentation = "https://sender.example/webhooks"

[verification]
type = "none"

[columns]
event_type = "/type"
entity_id = "/id"
"""


def profile_of(directory, more="", columns=""):
    """Return the profile of the minimal text with more columns and with more tables."""
    path = directory / "profile.toml"
    path.write_text(f"{MINIMAL}{columns}\n{more}\n")
    return load_profile(path)


@cache
def shipped():
    return load_shipped()
