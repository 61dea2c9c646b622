"""Reads profiles: one file, those of a directory, and those that are shipped."""

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from receiver.errors import ProfileError
from receiver.notification import FIRST_SENDER
from receiver.senders.profile.comparing import STATE_KEYS, read_comparison, read_state
from receiver.senders.profile.events import COLUMN_KEYS, read_event_rules
from receiver.senders.profile.examples import read_examples
from receiver.senders.profile.handshakes import read_handshake
from receiver.senders.profile.profile import Profile
from receiver.senders.profile.sources import Sources, read_sources
from receiver.senders.profile.telling import TOLD_KEYS
from receiver.senders.profile.words import WORD_KEYS, read_words
from receiver.senders.schemes import Scheme, read_scheme
from receiver.senders.tables import Table, read_table

FILE = "profile.toml"
_KEYS = (
    *("name", "title", "documentation", "account_category", "example_secret", "verification", "body", "columns"),
    *("events", "state", "told", "words", "setup", "handshake", "examples"),
)
_LONGEST_NAME = 64
_SHIPPED = Path(__file__).parents[1]


def load_profile(path: Path) -> Profile:
    """Read a profile.

    Raises:
        ProfileError: it can't be read, or a value or key is not allowed; names file, line, key, and what is allowed.
    """
    root = read_table(path, _KEYS)
    name = root.text("name")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) or len(name) > _LONGEST_NAME:
        root.refuse("name", f"is {name!r}; allowed are lower-case letters, digits and hyphens between them")
    if name == FIRST_SENDER:
        root.refuse("name", f"is {name!r}, which is no profile's; choose another")
    columns = root.table("columns", COLUMN_KEYS)
    rules = read_event_rules(columns, root.table("events"))
    scheme = _read_scheme(root)
    forms = root.table("body", ("form",)).texts("form")
    compared, told = root.table("state", STATE_KEYS), root.table("told", TOLD_KEYS)
    state = read_state(compared.table("at"))
    return Profile(
        name=name,
        title=root.text("title"),
        documentation=root.text("documentation"),
        account_category=root.optional_text("account_category"),
        comparison=read_comparison(compared, state, told, rules),
        state=state,
        path=path,
        scheme=scheme,
        forms=forms,
        event_type=_read_event_type(columns),
        rules=rules,
        handshake=read_handshake(root, scheme, forms),
        words=read_words(root.table("words", WORD_KEYS)),
        setup=_read_setup(root.table("setup", ("steps",))),
        examples=tuple(read_examples(root, name)),
    )


def load_directory(directory: Path) -> dict[str, Profile]:
    """Read the profiles `NAME.toml` and `NAME/profile.toml` of a directory, by name.

    Raises:
        ProfileError: one is not usable, is named unlike its file, or there are two of one name.
    """
    profiles: dict[str, Profile] = {}
    for path in sorted([*_find_toml(directory), *directory.glob(f"*/{FILE}")]):
        profile = load_profile(path)
        if path == directory / FILE and profile.name != path.stem:
            above = directory.resolve().parent
            raise ProfileError(path, f"CLC_SENDERS names its own directory; let it name the one above, {above}")
        if path != directory / FILE:
            check_name(profile)
        if profile.name in profiles:
            raise ProfileError(path, f"is {profile.name!r}, as in {profiles[profile.name].path}; keep one", "name")
        profiles[profile.name] = profile
    return profiles


def check_name(profile: Profile) -> None:
    """Check that a profile has the name of its file, `NAME.toml` or `NAME/profile.toml`.

    Raises:
        ProfileError: it has another.
    """
    path = profile.path.absolute()
    stem = path.parent.name if path.name == FILE else path.stem
    if profile.name != stem.replace("_", "-"):
        raise ProfileError(
            profile.path, f"is {profile.name!r}, and the file is that of {stem!r}; let both be the same", "name"
        )


def _find_toml(directory: Path) -> Iterator[Path]:
    return (path for path in directory.glob("*.*") if path.suffix.lower() == ".toml")


def load_shipped() -> dict[str, Profile]:
    """Read the profiles that belong to the program, by name.

    Raises:
        ProfileError: one is not usable.
    """
    return load_directory(_SHIPPED)


def _read_scheme(root: Table) -> Scheme:
    table = root.table("verification")
    if not table.values:
        table.refuse(None, "is missing; it must say how requests are signed")
    return read_scheme(table)


def _read_event_type(columns: Table) -> Sources:
    sources = read_sources(columns, "event_type", route=True)
    if not sources.reads:
        columns.refuse("event_type", "is missing; it must say where an event's name stands, such as header:X-Event")
    return sources


def _read_setup(table: Table) -> tuple[str, ...]:
    steps = table.texts("steps")
    for step in steps:
        try:
            fields = {field for _, field, _, _ in Formatter().parse(step) if field is not None}
        except ValueError:
            fields = {"{"}
        if fields - {"url"}:
            table.refuse("steps", f"has {step!r}; allowed in braces is {{url}} alone")
    return steps
