"""`clc-receiver senders` lists senders and judges profiles; the profile in the documentation passes."""

import hashlib
import hmac
import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.cli import main
from receiver.senders.profile import load_profile
from receiver.senders.profile.events import COLUMN_KEYS, EVENT_KEYS
from receiver.senders.profile.reading import EXAMPLE_KEYS, STATE_KEYS
from receiver.senders.profile.telling import TOLD_KEYS
from receiver.senders.request import Detail

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "senders.md").read_text("utf-8").partition("## Add your sender in ten minutes")[2]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLC_SENDERS", raising=False)


def run(*arguments):
    """Return the exit code, and all lines that the command writes."""
    done = CliRunner().invoke(main, ["senders", *map(str, arguments)])
    return done.exit_code, done.output.splitlines()


def block(language):
    return re.search(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)[1]


@pytest.fixture
def billing(tmp_path):
    """The profile of the documentation, in a directory of profiles."""
    folder = tmp_path / "senders" / "billing"
    folder.mkdir(parents=True)
    (folder / "paid.json").write_bytes(block("json").strip().encode())
    path = folder / "profile.toml"
    path.write_text(block("toml"))
    return path


def test_the_senders_are_listed_with_what_a_signature_proves():
    code, lines = run()
    assert code == 0
    assert [line.split()[0] for line in lines] == [
        "centurylink", "generic-hmac", "github", "gitlab", "shopify", "slack", "standard-webhooks", "stripe",
    ]  # fmt: skip
    assert "anyone with the public key can check who sent it" in lines[0]
    assert re.fullmatch(
        r"gitlab +GitLab +shipped +needs CLC_SECRET_GITLAB +a holder of the secret sent it; the body is not signed",
        lines[3],
    )


def test_a_sender_with_a_secret_is_taken_and_the_secret_is_not_shown(monkeypatch, tmp_path):
    monkeypatch.setenv("CLC_SECRET_GITHUB", "a secret for tests alone")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "slack").write_text("a first secret of slack\n\na second one for tests\n")
    monkeypatch.setenv("CLC_SECRETS_DIR", str(tmp_path / "secrets"))
    code, lines = run()
    assert code == 0
    assert [line.split()[0] for line in lines if "  taken  " in line] == ["centurylink", "github", "slack"]
    assert "for tests" not in "".join(lines)


def test_a_profile_of_ones_own_is_listed_and_replaces_a_shipped_one(monkeypatch, billing):
    monkeypatch.setenv("CLC_SENDERS", str(billing.parent.parent))
    shipped = ROOT / "receiver" / "senders" / "gitlab"
    shutil.copytree(shipped, billing.parent.parent / "gitlab")
    _, lines = run()
    assert {line.split()[0] for line in lines if "own file" in line} == {"billing", "gitlab"}
    assert len(lines) == 9


def test_a_directory_that_is_none_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("CLC_SENDERS", str(tmp_path / "none"))
    assert run() == (2, [f"Error: CLC_SENDERS is '{tmp_path / 'none'}': it must be a directory."])


def test_the_documented_profile_passes(billing):
    assert run("check", billing) == (
        0,
        re.search(r"^```\n(ok.*?)```", SECTION, re.DOTALL | re.MULTILINE)[1].splitlines(),
    )


@pytest.mark.parametrize("name", ["billing2", "github"])
def test_a_profile_whose_name_is_not_that_of_its_file_does_not_pass(billing, name, monkeypatch):
    billing.write_text(billing.read_text().replace('name = "billing"', f'name = "{name}"'))
    monkeypatch.chdir(billing.parent)
    code, lines = run("check", billing.name)
    assert (code, lines) == (
        1,
        [f"Error: profile.toml: name is '{name}', and the file is that of 'billing'; let both be the same."],
    )


def test_the_documented_three_lines_make_the_signature_of_the_documented_profile(billing):
    accepted = billing.read_text().partition("# The same request")[0]
    written = dict(re.findall(r'^(X-Billing-\w+) = "(.*)"$', accepted, re.MULTILINE))
    secret = re.search(r'example_secret = "(.*)"', billing.read_text())[1]
    names = {"timestamp": written["X-Billing-Time"], "secret": secret, "hmac": hmac, "hashlib": hashlib,
             "body": (billing.parent / "paid.json").read_bytes()}  # fmt: skip
    exec(block("python"), names)  # the documentation's own words
    assert names["headers"] == written | {"Content-Type": "application/json"}


def test_the_documented_lines_of_a_header_of_pairs_verify_the_same_request(billing):
    pairs = re.search(r"```toml\n(header = .*?)```", SECTION, re.DOTALL)[1]
    text = re.sub(r"^(?:header = |timestamp = ).*\n", "", billing.read_text(), flags=re.MULTILINE)
    text = text.replace("[verification]\n", f"[verification]\n{pairs}")
    one = r'X-Billing-Time = "(\d+)"\nX-Billing-Signature = "(\w+)"'
    billing.write_text(re.sub(one, r'X-Billing-Signature = "t=\1,v1=\2"', text))
    code, lines = run("check", billing)
    assert (code, lines[1]) == (0, "ok     paid.json  refused: stale timestamp"), lines


def test_every_reason_for_a_refusal_is_documented_and_no_other_is():
    table = SECTION.partition("### Reasons for a refusal")[2].partition("| --- | --- |")[2]
    assert re.findall(r"^\| `(.*?)` \|", table, re.MULTILINE) == [reason.value for reason in Detail]


def test_the_documented_profile_has_words_and_says_what_to_do_at_the_sender(billing):
    profile = load_profile(billing)
    assert (profile.words.account, profile.words.events[0].label) == ("customer", "Invoice")
    assert any("{url}" in step for step in profile.setup)


def test_every_key_is_documented():
    for key in {*STATE_KEYS, *COLUMN_KEYS, *EVENT_KEYS, *EXAMPLE_KEYS, *TOLD_KEYS}:
        assert f"`{key}`" in SECTION, key


WRONG = {
    "a signature that is not known yet": (
        'X-Billing-Signature = "9b97fae4d335176e1345607f0c6606a8f9c0fda6814ce5d266ba3ef093940b1c"\n[examples.row]',
        "[examples.row]",
        'signed with the example\'s secret at received_at it has X-Billing-Time = "1772442904", X-Billing-Signature',
    ),
    "a wrong secret": ('"an example, never in use"', '"another of 16 bytes"', "the signature fits no secret"),
    "an expected column": ('actor = "jo"', 'actor = "al"', "actor is jo, expected al"),
    "an expected column that is NULL": ('actor = "jo"', "", "actor is jo, expected NULL"),
    "a number for a text": ('actor = "jo"', "actor = 7", "expected 7, which is no text: write it in quotes"),
    "a time that can't be read": ('occurred_at = "/at"', 'occurred_at = "/by"', "occurred_at reads 'jo'; allowed are"),
    "an expected change": (
        "'\"open\"'",
        "'\"new\"'",
        'status: told from "open" to "paid", expected from "new" to "paid"',
    ),
    "a change that is not told": ('path = "status"', 'path = "total"', "total: told no change, expected from"),
    "another reason": (
        '"stale timestamp"',
        '"header missing"',
        "expected refused: header missing, but: stale timestamp",
    ),
    "a secret that is too short": ('"an example, never in use"', '"short"', "16"),
}


@pytest.mark.parametrize(("old", "new", "text"), WRONG.values(), ids=WRONG)
def test_what_is_not_as_expected_is_told(billing, old, new, text):
    assert old in billing.read_text()
    billing.write_text(billing.read_text().replace(old, new))
    code, lines = run("check", billing)
    assert code == 1
    assert any(line.startswith("WRONG  paid.json  ") and text in line for line in lines), lines
    assert not any("short" in line for line in lines)


def test_an_altered_body_is_told_as_such(billing):
    body = billing.parent / "paid.json"
    body.write_bytes(body.read_bytes() + b"\n")
    code, lines = run("check", billing)
    assert code == 1
    assert "the body was altered on the way: its last line end was added or removed" in lines[0]


def test_an_example_that_is_not_there_is_told(billing):
    (billing.parent / "paid.json").unlink()
    code, lines = run("check", billing)
    assert code == 1
    assert lines[0] == f"WRONG  paid.json  {billing.parent}/paid.json can't be read: No such file or directory"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ('at.invoice = "/data"', "state of invoice  nothing at /data: "),
        ('at."*" = "/data"', "state of invoice  nothing at /data: "),
        ('at.invoice = "/event"', "state of invoice  nothing at /event: "),
        ('at.invoices = "/invoice"', "state of invoices  no example has this category (did you mean invoice?)"),
    ],
)
def test_a_state_that_no_example_has_is_told(billing, place, said):
    billing.write_text(billing.read_text().replace('at.invoice = "/invoice"', place))
    code, lines = run("check", billing)
    assert code == 1
    assert lines[-1].startswith(f"WRONG  {said}"), lines


@pytest.mark.parametrize("place", ["invoice", '"*"'])
def test_an_event_that_hides_what_changed_before_it_is_told_until_the_profile_calls_it_stateless(billing, place):
    note = {"event": "invoice.noted", "at": "2026-03-02T09:15:00Z", "note": {"invoice": "inv-example", "text": "late"}}
    (billing.parent / "noted.json").write_text(json.dumps(note))
    example = """
        [[examples]]
        file = "noted.json"
        received_at = 2026-03-02T09:15:04Z
        headers = { X-Billing-Time = "1772442900", X-Billing-Signature = "SIGNATURE" }
        [examples.row]
        event_type = "invoice.noted"
        category = "invoice"
        entity_id = "inv-example"
        action = "Updated"
        occurred_at = 2026-03-02T09:15:00Z
    """
    signed = hmac.new(b"an example, never in use", b"1772442900." + json.dumps(note).encode(), hashlib.sha256)
    text = billing.read_text().replace('entity_id = "/invoice/id"', 'entity_id = ["/invoice/id", "/note/invoice"]')
    text = text.replace("at.invoice", f"at.{place}")
    events = '\n[events."invoice.noted"]\nact = { path = "notes", added = "/note/text" }\n'
    billing.write_text(text + example.replace("SIGNATURE", signed.hexdigest()) + events)
    code, lines = run("check", billing)
    hint = 'write stateless = true in [events."invoice.noted"], or what changed before it is lost'
    assert (code, lines[-1]) == (1, f"WRONG  state of invoice  nothing at /invoice of invoice.noted: {hint}"), lines
    billing.write_text(billing.read_text() + "stateless = true\n")
    assert run("check", billing)[0] == 0


@pytest.mark.parametrize("keys", ['noise = ["/lines/id"]', 'natural_keys = { lines = "/lines/id" }'])
def test_a_place_where_a_key_must_stand_is_told(billing, keys):
    billing.write_text(billing.read_text().replace("[state]\n", f"[state]\n{keys}\n"))
    code, lines = run("check", billing)
    assert (code, lines[3]) == (1, "WRONG  state  /lines/id is a place; allowed are keys, such as id")


def test_an_example_is_compared_with_the_body_before_it(billing):
    (billing.parent / "open.json").write_text('{"invoice": {"id": "inv-example", "status": "open", "total": 100}}')
    untold = billing.read_text().replace('[told]\nat = "/before"\n', "")
    billing.write_text(untold.replace('file = "paid.json"', 'file = "paid.json"\nbefore = "open.json"', 1))
    code, lines = run("check", billing)
    assert (code, lines[0]) == (1, "WRONG  paid.json  total: compared from 100 to 120, expected no change")
    change = '{ path = "status", old = \'"open"\', new = \'"paid"\' }'
    total = '{ path = "total", old = "100", new = "120" }'
    billing.write_text(billing.read_text().replace(change, f"{change}, {total}"))
    code, lines = run("check", billing)
    assert (code, lines[0]) == (0, "ok     paid.json  invoice.paid: invoice inv-example updated, 2 compared changes")


def test_a_profile_needs_an_example_that_is_accepted_and_one_that_is_refused(billing):
    head, accepted, refused = re.split(r"(?=# Th(?:is|e same) request)", billing.read_text())
    billing.write_text(head + accepted)
    code, lines = run("check", billing)
    assert code == 1
    assert "WRONG  examples  none must be refused: add one with a wrong signature" in lines
    billing.write_text(head + refused)
    assert run("check", billing)[1][-1].startswith("WRONG  examples  none must be accepted: ")


def test_a_mistake_in_a_profile_is_one_line(billing):
    billing.write_text(billing.read_text().replace("entity_id =", "entityid =", 1))
    code, lines = run("check", billing)
    assert code == 1
    assert len(lines) == 1
    assert re.match(
        r"Error: .*profile\.toml, line 15: columns\.entityid is not known \(did you mean entity_id\?\)", lines[0]
    )


def test_a_text_that_is_no_json_is_shown_as_it_must_be_written(billing):
    billing.write_text(billing.read_text().replace("'\"open\"'", '"open"'))
    code, lines = run("check", billing)
    assert code == 1
    assert "examples.1.changes.1.old must be JSON as text; write 'open' as '\"open\"' if it is a text." in lines[0]


def test_a_directory_of_one_profile_is_answered_with_the_one_above(billing, monkeypatch):
    monkeypatch.setenv("CLC_SENDERS", str(billing.parent))
    code, lines = run()
    assert code == 1
    assert f"let it name the one above, {billing.parent.parent}." in lines[0]
