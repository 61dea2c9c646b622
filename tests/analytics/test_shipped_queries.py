"""The queries that come with the product: each is explained, and finds rows in what the simulator makes."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analytics import connect
from analytics.pages.sql.side import list_shipped_queries, parse_shipped
from tests.support.keys import key_directory
from tests.support.prepared import run_program
from tests.support.processes import PreparedReceiver, environment, running
from tests.support.readable_store import MIDDAY, Changed, Row, build_store, server
from tests.support.waiting import until

QUERIES = {one.name: one for one in list_shipped_queries()}
STORIES = ("sign-up", "public-server", "stolen-administrator")


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("simulated") / "data"
    with running(PreparedReceiver, data_dir) as started:
        archive = data_dir / "archive.jsonl"
        stories = [option for story in STORIES for option in ("--story", story)]
        key = str(key_directory() / "private.pem")
        for command in (
            ["simulate", "--archive", str(archive), "--days", "12", "--seed", "5", "--key", key, *stories],
            ["import", str(archive)],
        ):
            run_program("receiver", *command, env=environment(data_dir), cwd=data_dir).check_returncode()
        wanted = len(archive.read_bytes().splitlines())
        until(lambda: started.sql("SELECT count(*) AS n FROM notifications")[0]["n"] == wanted, what="the store")
        yield started


@pytest.fixture(scope="module")
def client(receiver):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLC_QUERY_TOKEN", receiver.token)
        with connect(receiver.query_url) as made:
            yield made


def test_there_are_twenty_one():
    assert len(QUERIES) == 21


@pytest.mark.parametrize("name", QUERIES)
def test_each_shipped_query_finds_rows_in_a_simulated_store(client, name):
    table = client.sql(QUERIES[name].sql)
    assert table.num_rows > 0
    assert len(set(table.column_names)) == table.num_columns


def test_servers_with_a_public_address_have_it_in_either_list_or_in_none(tmp_path):
    public, inner = {"public": "203.0.113.9"}, {"internal": "10.8.1.11", "public": ""}
    lists = {
        "WA1ACMEA01": {"ipAddresses": [inner, public]},
        "WA1ACMEB01": {"ipAddresses": [inner], "secondaryIPAddresses": [public]},
        "WA1ACMEC01": {"ipAddresses": public},
        "WA1ACMED01": {"ipAddresses": [inner], "secondaryIPAddresses": "none"},
    }
    rows = [Row("Server.Updated", "ACME", name, {"name": name, "details": lists[name]}, MIDDAY) for name in lists]
    with connect(str(build_store(tmp_path / "s.duckdb", rows))) as client:
        found = client.sql(QUERIES["public_addresses"].sql).to_pylist()
    assert sorted(row["server"] for row in found) == ["WA1ACMEA01", "WA1ACMEB01", "WA1ACMEC01"]
    assert {row["public_address"] for row in found} == {"203.0.113.9"}


@pytest.mark.parametrize("name", QUERIES)
def test_each_shipped_query_says_what_it_tells_and_no_two_have_one_title(name):
    query = QUERIES[name]
    assert 5 <= len(query.title) <= 40
    assert len(query.tells) >= 40
    assert query.tells.endswith((".", "?"))
    assert [one.title for one in QUERIES.values()].count(query.title) == 1


def test_the_comment_above_a_query_is_its_title_and_what_it_tells():
    query = parse_shipped("x", "-- Title\n-- What it\n-- tells.\nSELECT 1 -- one\n")
    assert query == ("x", "Title", "What it tells.", "-- Title\n-- What it\n-- tells.\nSELECT 1 -- one")


@pytest.mark.parametrize("text", ["SELECT 1", "-- Only a title\nSELECT 1", ""])
def test_a_query_without_an_explanation_is_not_taken(text):
    with pytest.raises(ValueError, match=r"x\.sql needs a title"):
        parse_shipped("x", text)


def test_an_actor_whose_name_has_a_letter_that_is_two_in_upper_case_is_one_actor(tmp_path):
    at = datetime.now(UTC) - timedelta(days=1)
    rows = [server("ACME", f"WA1ACMEWEB0{n}", actor=name, received_at=at) for n, name in enumerate(("groß", "GROSS"))]
    changes = [Changed(seq, "description", "changed") for seq in (1, 2)]
    with connect(str(build_store(tmp_path / "s.duckdb", rows, changes=changes))) as client:
        actors = client.sql(QUERIES["busiest_actors"].sql).to_pylist()
        fields = client.sql(QUERIES["changed_fields"].sql).to_pylist()
    assert [(row["actor"], row["entities"], row["changed_fields"]) for row in actors] == [("groß", 2, 2)]
    assert [(row["changes"], row["actors"]) for row in fields] == [(2, 1)]


def test_no_query_or_notebook_compares_actors_in_an_upper_case_that_makes_one_letter_of_an_eszett():
    notebooks = (Path(__file__).parents[2] / "notebooks").glob("*.ipynb")
    cells = ["".join(cell["source"]) for each in notebooks for cell in json.loads(each.read_bytes())["cells"]]
    texts = [*cells, *(query.sql for query in QUERIES.values())]
    assert [text for text in texts if re.search(r"\b(?:upper|lower)\((?:\w+\.)?actor\)", text)] == []
