"""Archives of senders with a profile: what goes out comes in again as the same rows, with the same changes."""

import json

import duckdb
import pytest

from receiver.senders.copies import load_remembered_profiles
from receiver.senders.profile import load_shipped
from tests.durability.support.commands import run_command
from tests.durability.support.stores import append
from tests.support.prepared import run_program
from tests.support.processes import PROGRAM, environment
from tests.support.sizes import take_few

SENDERS = sorted(load_shipped())
KEY = "whsec_c2VjcmV0IGZvciB0ZXN0cyBhbG9uZQ=="
SECRETS = {f"CLC_SECRET_{name.upper().replace('-', '_')}": KEY for name in SENDERS}
ROWS = "SELECT * EXCLUDE (id, duplicate_of), id IS NULL AS lacks_id FROM notifications ORDER BY seq"
CHANGES = "SELECT * EXCLUDE (notification_id) FROM changes ORDER BY ALL"


def ask(data_dir, query):
    with duckdb.connect(str(data_dir / "clc.duckdb"), read_only=True) as store:
        return store.execute(query).fetchall()


def take_in(data_dir, archive, *options, **secrets):
    done = run_command(data_dir, "import", str(archive), *options, **secrets)
    append(data_dir)
    return done


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Return a store that took the simulated archive of each sender in."""
    data_dir = tmp_path_factory.mktemp("first") / "data"
    together = data_dir.parent / "together.jsonl"
    for name in SENDERS:
        archive = data_dir.parent / f"{name}.jsonl"
        simulate = ("simulate", "--sender", name, "--archive", str(archive))
        written = run_command(data_dir, *simulate, program=PROGRAM, **SECRETS)
        assert written.returncode == 0, written.stderr
        with together.open("ab") as file:
            file.write(archive.read_bytes())
    done = run_command(data_dir, "import", str(together), program=PROGRAM, **SECRETS)
    assert done.returncode == 0, done.stderr
    append(data_dir)
    return data_dir


@pytest.fixture(scope="module")
def archive(first):
    path = first.parent / "out.jsonl"
    export = ("export", "--location", str(first / "clc.duckdb"), "-o", str(path))
    run_program("analytics", *export, env=environment(first), cwd=first.parent).check_returncode()
    return path


def test_the_simulated_archive_of_a_sender_comes_in_verified(first):
    senders = ask(first, "SELECT DISTINCT sender, signature_status FROM notifications ORDER BY ALL")
    assert senders == [(name, "valid") for name in SENDERS]
    assert ask(first, "SELECT count(*) > 10 FROM changes WHERE told") == [(True,)]


@pytest.mark.parametrize("secrets", take_few([SECRETS, {}], 1), ids=take_few(["with secrets", "without"], 1))
def test_an_exported_archive_comes_in_as_the_same_rows_with_the_same_changes(first, archive, tmp_path, secrets):
    data_dir = tmp_path / "data"
    done = take_in(data_dir, archive, **secrets)
    assert done.returncode == 0, done.stderr
    assert ask(data_dir, ROWS) == ask(first, ROWS)
    assert ask(data_dir, CHANGES) == ask(first, CHANGES)
    assert "signatures of gitlab; tokens are not kept." in done.stderr
    assert ("signatures of stripe; the secret" in done.stderr) == (not secrets)
    assert sorted(load_remembered_profiles(data_dir)) == SENDERS


@pytest.mark.full
def test_an_altered_body_is_refused_or_marked_and_a_signature_proves_no_more_than_its_sender_can(archive, tmp_path):
    line = next(line for line in archive.read_text().splitlines() if '"stripe"' in line)
    fields = json.loads(line)
    altered = tmp_path / "altered.jsonl"
    altered.write_text(json.dumps(fields | {"body": fields["body"].replace("{", "{ ", 1)}))
    refused = take_in(tmp_path / "required", altered, **SECRETS)
    assert (refused.returncode, "1 was refused (signature_invalid)" in refused.stderr) == (1, True)
    claims = json.dumps(fields | {"row": fields["row"] | {"proof": "third-party"}})
    altered.write_text(f"{altered.read_text()}\n{claims}")
    assert take_in(tmp_path / "recorded", altered, "--signatures", "record", **SECRETS).returncode == 0
    verdicts = "SELECT signature_status, signature_detail, proof FROM notifications ORDER BY seq"
    assert ask(tmp_path / "recorded", verdicts) == [
        ("invalid", "the signature fits no secret", "shared-secret"),
        ("valid", None, "shared-secret"),
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    take_few(
        [
            ({"sender": "nobody"}, "there is no sender 'nobody' with a profile"),
            ({"row": 7}, "row is not an object"),
            ({"row": {"category": "x", "occurred_at": "2026-01-01"}}, "occurred_at '2026-01-01' has no offset"),
        ],
        1,
    ),
)
def test_a_line_that_can_not_be_read_is_named(archive, tmp_path, change, said):
    fields = json.loads(archive.read_text().splitlines()[0])
    odd = tmp_path / "odd.jsonl"
    odd.write_text(json.dumps(fields | change))
    done = run_command(tmp_path / "data", "import", str(odd), program=PROGRAM, **SECRETS)
    assert (done.returncode, f"line 1: {said}" in done.stderr) == (1, True), done.stderr
