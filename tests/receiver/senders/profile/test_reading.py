"""A profile is read or refused in one sentence that names file, line and key, and says what is allowed."""

import pytest

from receiver.errors import ProfileError
from receiver.senders.profile import load_directory, load_profile
from tests.receiver.senders.profile.profiles import MINIMAL, profile_of

EXAMPLE = '[[examples]]\nfile = "a.json"\nreceived_at = 2026-01-01T00:00:00Z\n'
# Each text, appended to the minimal profile or replacing a part of it, with the line, the key and words of the reason.
WRONG = {
    "an unknown key of columns": (
        ('entity_id = "/id"', 'entity_ids = "/id"'),
        (10, "columns.entity_ids", "did you mean entity_id?"),
    ),
    "an unknown table": (("[columns]", "[colums]\n[columns]"), (8, "colums", "did you mean columns?")),
    "an unknown key that is like no other": (
        ('"/id"', '"/id"\nxyzzy = 1'),
        (11, "columns.xyzzy", "allowed are event_type, category"),
    ),
    "a key of the verification": (
        ('type = "none"', 'type = "hmac"\nheader = "X-S"\n\n[verification.timestamp]\nunitt = "s"\nheader = "X-T"'),
        (10, "verification.timestamp.unitt", "unit"),
    ),
    "a missing name of events": (('event_type = "/type"\n', ""), (8, "columns.event_type", "is missing")),
    "a source that is none": (
        ('"/id"', '"id"'),
        (10, "columns.entity_id", "is 'id'; allowed are a JSON Pointer such as /data/id, header:NAME"),
    ),
    "what events say without a place": (
        ('"/id"', '"/id"\n[events.a]\nsays = ["/b", "c"]'),
        (12, "events.a.says", "is 'c'; allowed are a JSON Pointer such as /data/id, and a template"),
    ),
    "a name of an entity in a header": (
        ('"/id"', '"/id"\nentity_name = "header:X-Name"'),
        (11, "columns.entity_name", "allowed are a JSON Pointer"),
    ),
    "a brace alone": (('"/id"', '"{/id"'), (10, "columns.entity_id", "{{")),
    "a route where none stands": (('"/id"', '"route"'), (10, "columns.entity_id", "allowed are a JSON Pointer")),
    "a category that a header names": (
        ('"/id"', '"/id"\ncategory = "header:X-Kind"'),
        (11, "columns.category", "allowed are a JSON Pointer"),
    ),
    "a case": (
        ('"/id"', '{ from = "/id", case = "title" }'),
        (10, "columns.entity_id.case", "is 'title'; allowed are lower, upper"),
    ),
    "a number for a text": (('title = "An example"', "title = 7"), (2, "title", "must be a text")),
    "an empty text": (('title = "An example"', 'title = ""'), (2, "title", "is empty")),
    "a name in capitals": (('"example"', '"Example"'), (1, "name", "lower-case letters, digits and hyphens")),
    "the name of the first sender": (('"example"', '"centurylink"'), (1, "name", "choose another")),
    "an act without a value": (
        ('"/id"', '"/id"\n[events."member.*"]\nentity_id = "/r"\nact.path = "members"'),
        (13, 'events."member.*".act', "by one of added, removed, changed, or old and new"),
    ),
    "an act with two values": (
        ('"/id"', '"/id"\n[events.a]\nact = { path = "b", added = "/c", removed = "/c" }'),
        (12, "events.a.act", "by one of"),
    ),
    "a path that is none": (
        ('"/id"', '"/id"\n[events.a]\nact = { path = "a..b", added = "/c" }'),
        (12, "events.a.act.path", "words joined by dots"),
    ),
    "a begin of the paths of no list": (
        ('"/id"', '"/id"\n[events.a]\nact = { within = "b[{/c}]", path = "d", added = "/e" }'),
        (12, "events.a.act.within", "stands beside each"),
    ),
    "values of before without a place": (
        ('"/id"', '"/id"\n[told]\nold = "from"'),
        (11, "told.at", "must be a JSON Pointer"),
    ),
    "a colour": (
        ('"/id"', '"/id"\n[words.events."a.*"]\nlabel = "A"\nlight = "red"'),
        (13, 'words.events."a.*".light', "is 'red'; allowed is a colour such as"),
    ),
    "a step with another placeholder": (
        ('"/id"', '"/id"\n[setup]\nsteps = ["Open {urls}"]'),
        (12, "setup.steps", "{url} alone"),
    ),
    "an example that can't be a file": (
        ('"/id"', '"/id"\n[[examples]]\nfile = "a\\u0000b"\nreceived_at = 2026-01-01T00:00:00Z\nrefused = "wrong"'),
        (12, "examples.1.file", "no file's name"),
    ),
    "the second example": (
        ('"/id"', f'"/id"\n{EXAMPLE}refused = "header missing"\n{EXAMPLE[:-2]}'),
        (17, "examples.2.received_at", "a date and time with a time zone"),
    ),
    "a column of the second example": (
        ('"/id"', f'"/id"\n{EXAMPLE}refused = "header missing"\n{EXAMPLE}[examples.row]\nentity = "a"'),
        (19, "examples.2.row.entity", "did you mean entity_id?"),
    ),
    "a name with a dot and without quotes": (
        ('"/id"', '"/id"\n[events.invoice.paid]\ncategory = "bill"'),
        (11, "events.invoice.paid", 'stands in quotes: "invoice.paid"'),
    ),
    "an example that is both": (
        ('"/id"', '"/id"\n[[examples]]\nfile = "a.json"\nreceived_at = 2026-01-01T00:00:00Z'),
        (11, "examples.1", "either a row"),
    ),
    "no TOML": (('"/id"', '"/id'), (10, None, "it is no TOML")),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told_with_its_line_its_key_and_what_is_allowed(tmp_path, change, expected):
    path = tmp_path / "profile.toml"
    assert change[0] in MINIMAL
    path.write_text(MINIMAL.replace(*change))
    with pytest.raises(ProfileError) as error:
        load_profile(path)
    line, key, reason = expected
    assert (error.value.line, error.value.key) == (line, key)
    assert reason in error.value.reason
    assert str(error.value).startswith(f"{path}, line {line}: ")
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(ProfileError, match="can't be read: No such file"):
        load_profile(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes('title = "é"'.encode("latin-1"))
    with pytest.raises(ProfileError, match="it is not UTF-8"):
        load_profile(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (f"[words]\naccount = {'[' * 5000}{']' * 5000}", "its tables or lists are nested too deep"),
        (f"[words]\naccount = {'9' * 5000}", "a number in it has thousands of digits"),
    ],
)
def test_what_python_can_not_read_is_told_too_because_a_listener_leaves_out_what_is_told(tmp_path, more, said):
    with pytest.raises(ProfileError, match=said):
        profile_of(tmp_path, more)


def test_a_directory_has_profiles_as_files_and_as_folders(tmp_path):
    (tmp_path / "one.toml").write_text(MINIMAL.replace('"example"', '"one"'))
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "profile.toml").write_text(MINIMAL.replace('"example"', '"two"'))
    assert set(load_directory(tmp_path)) == {"one", "two"}
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "profile.toml").write_text(MINIMAL.replace('"example"', '"one"'))
    with pytest.raises(ProfileError, match="keep one"):
        load_directory(tmp_path)
    (tmp_path / "one" / "profile.toml").write_text(MINIMAL)
    with pytest.raises(ProfileError, match="name is 'example', and the file is that of 'one'; let both be the same"):
        load_directory(tmp_path)


def test_a_hidden_file_beside_the_profiles_is_none(tmp_path):
    (tmp_path / "example.toml").write_text(MINIMAL)
    (tmp_path / "._example.toml").write_bytes(b"\0\5\x16\7 as macOS writes it")
    (tmp_path / ".#example.toml").symlink_to("somebody@a-host.4711")
    assert set(load_directory(tmp_path)) == {"example"}


def test_a_file_of_any_spelling_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "example.TOML").write_text(f"\ufeff{MINIMAL}", encoding="utf-8")
    assert set(load_directory(tmp_path)) == {"example"}


def test_a_minimal_profile_is_enough(tmp_path):
    profile = profile_of(tmp_path)
    assert (profile.name, profile.scheme.proof, profile.examples) == ("example", "none", ())
    assert (profile.words.account, profile.words.accounts) == ("account", "accounts")
