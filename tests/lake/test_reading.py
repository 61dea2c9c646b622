"""A lake is read with the tables and views of the store, and no more of it than a query needs."""

from pathlib import Path

import pytest

import analytics
from analytics.cli import command as commands
from analytics.client.lake import LakeSource
from analytics.errors import LocationError, QueryError
from receiver.senders.sender import Event
from tests.durability.support.stores import accepted, spool
from tests.lake.months import MARCH, finished_row, finished_rows, write
from tests.support.prepared import run_program
from tests.support.processes import PreparedReceiver, environment, running
from tests.support.waiting import until

ACCOUNT = b'{"accountAlias":"%s","businessName":"Acme","parentAlias":"ROOT","status":"Active"}'
COUNT = "SELECT count(*) AS n FROM notifications"
APRIL = "received_at >= '2026-04-01'"


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A receiver, and its lake."""
    directory = tmp_path_factory.mktemp("lake")
    (directory / "there").mkdir()
    created = Event("Account", "Created")
    accounts = [accepted(1, event=created, body=ACCOUNT % alias) for alias in (b"ACME", b"SUB")]
    old_form = accepted(2, event=Event("Account", "Updated"), body=b'{"alias":"SUB","businessName":"Sub"}')
    spool(directory / "data", [*finished_rows(), *accounts, old_form])
    with running(PreparedReceiver, directory / "data") as receiver:
        until(lambda: receiver.sql(COUNT) == [{"n": 203}], what="all to be stored")
        write(receiver, str(directory / "there"))
        yield receiver, str(directory / "there")


@pytest.mark.parametrize("name", ["notifications", "changes", "rejected", "events", "entities", "accounts"])
def test_a_table_or_view_has_the_columns_and_rows_of_the_store(stored, name):
    receiver, there = stored
    lines = f"SELECT {name}::VARCHAR AS line FROM {name}"
    rows = f"SELECT md5(string_agg(line, '' ORDER BY line)) AS rows, count(*) AS n FROM ({lines})"
    with analytics.connect(there) as lake:
        for query in (f"SELECT column_name, column_type FROM (DESCRIBE {name})", rows):
            assert lake.sql(query).to_pylist() == receiver.sql(query)


def test_a_condition_on_the_time_reads_no_file_of_another_month(stored):
    receiver, there = stored
    file = next(Path(there, "lake", "notifications", "month=2026-03").iterdir())
    with analytics.connect(there) as lake:
        file.rename(file.with_suffix(".away"))
        try:
            query = f"{COUNT} WHERE {APRIL}"
            assert lake.sql(query).to_pylist() == receiver.sql(query)
            with pytest.raises(QueryError):
                lake.sql("SELECT max(payload::VARCHAR) FROM notifications")
        finally:
            file.with_suffix(".away").rename(file)


@pytest.mark.full
def test_a_query_whose_month_is_replaced_meanwhile_is_run_again(receiver, there, monkeypatch):
    write(receiver, there)
    spool(receiver.data_dir, [finished_row(10_000, received_at=MARCH)])
    until(lambda: receiver.sql(COUNT) == [{"n": 201}], what="it to be stored")
    open_cursor, written = LakeSource._open_cursor, []

    def open_and_replace(source):
        cursor = open_cursor(source)
        written.append(write(receiver, there)["written"])
        return cursor

    monkeypatch.setattr(LakeSource, "_open_cursor", open_and_replace)
    with analytics.connect(there) as lake:
        assert lake.sql("SELECT count(DISTINCT payload::VARCHAR) AS n FROM notifications").to_pylist() == [{"n": 201}]
    assert written == [["2026-03"], []]


@pytest.mark.parametrize(
    "query",
    ["SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_parquet('/tmp/*')", "DROP VIEW events"],
)
def test_a_query_of_a_lake_reaches_nothing_else(stored, query):
    with analytics.connect(stored[1]) as lake, pytest.raises(QueryError):
        lake.sql(query)


@pytest.mark.parametrize("name", ["sql", "export", "findings", "tail", "check"])
def test_the_help_of_a_command_that_reads_a_lake_says_so(name):
    options = {option.name: option for option in commands.commands[name].params}
    assert "place of a lake" in options["location"].help
    assert options["location"].opts == ["-l", "--location"]


@pytest.mark.full
@pytest.mark.parametrize(
    "arguments",
    [
        ["export", "--since", "2026-03-01", "--until", "2026-04-01"],
        ["findings", "--since", "2026-03-01", "--until", "2026-04-01"],
        ["tail", "-n", "3"],
    ],
)
def test_other_commands_read_a_lake_without_a_receiver(stored, tmp_path, arguments):
    _, there = stored
    ran = run_program("analytics", *arguments, "-l", there, env=environment(tmp_path), cwd=tmp_path)
    assert (ran.returncode, ran.stderr.count("Traceback")) == (0, 0), ran.stderr


def test_the_command_reads_a_lake_without_a_receiver(stored, tmp_path):
    env = environment(tmp_path)
    done = run_program("analytics", "sql", "-l", stored[1], "--format", "csv", COUNT, env=env, cwd=tmp_path)
    assert (done.returncode, done.stdout.split()) == (0, ["n", "203"]), done.stderr


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("empty", "'empty' has no lake"),
        ("s3://key:secret@bucket/prefix", "credentials are in AWS_ACCESS_KEY_ID"),
        ("s3://key:secret@[", "a place in S3 is s3://BUCKET/PREFIX"),
        ("s3://bucket?secret_key=x", "its options can be endpoint_override"),
        ("s3://bucket/prefix#1", "a # in the path of a URL must be written as %23"),
        ("s3://bucket?region=&scheme=http", "each as NAME=VALUE and once"),
        ("s3://bucket?region", "each as NAME=VALUE and once"),
        ("file://there/lake", "the URL of a directory is file:///DIRECTORY"),
        ("file:///there?lake", "a \\? is %3F"),
        ("s3://bucket?scheme=http&endpoint_override=127.0.0.1:1", "s3://bucket can't be read: "),
    ],
)
def test_a_place_without_a_lake_is_told_in_one_sentence(tmp_path, monkeypatch, location, said):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LocationError, match=said) as told:
        analytics.connect(location)
    assert "\n" not in str(told.value)
    assert "secret" not in str(told.value).replace("AWS_SECRET", "")
