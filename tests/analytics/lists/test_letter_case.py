"""Names in any letter case: how they are made, compared and found."""

import random
from datetime import timedelta

import duckdb
import pytest

import analytics
from analytics import queries
from tests.support.readable_store import MIDDAY, Row, build_store, server
from tests.support.sizes import size

HOUR = timedelta(hours=1)
ASCII = "aAbBsSfFiI_%\\."
OTHERS = "ßẞﬁ\N{LATIN SMALL LETTER DOTLESS I}İäÄ\N{KELVIN SIGN}\n"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    file = build_store(tmp_path_factory.mktemp("store") / "s.duckdb", [server("ACEU", "WA1ACEUWEB01")])
    with analytics.connect(str(file)) as made:
        yield made


def test_entity_ids_are_made_of_names_as_the_receiver_makes_them_whatever_the_letter(client):
    letters = [chr(code) for code in range(1, size(0x3000, 0x110000)) if not 0xD800 <= code < 0xE000]
    named = [letters[start : start + 20_000] for start in range(0, len(letters), 20_000)]
    wrong = []
    for names in named:
        sql = f"SELECT name, {queries.as_entity_id('name')} AS made FROM (SELECT unnest($names::VARCHAR[]) AS name)"
        wrong += [row for row in client.sql(sql, {"names": names}).to_pylist() if row["made"] != row["name"].upper()]
    assert wrong == []


@pytest.mark.parametrize("name", ["groß\nﬁ\n", "weiß@x.example", "ann", "", "👩‍👩‍👧ß", None])
def test_an_entity_id_is_made_of_each_letter_of_a_name(client, name):
    sql = f"SELECT {queries.as_entity_id('name')} AS made FROM (SELECT $name::VARCHAR AS name)"
    assert client.sql(sql, {"name": name}).to_pylist() == [{"made": name and name.upper()}]


def test_a_user_whose_name_has_a_letter_that_is_two_in_upper_case_is_found_with_their_acts(tmp_path):
    user = Row("User.Created", "ACME", "GROSS", {"userName": "groß"}, MIDDAY - HOUR)
    act = server("ACME", "WA1ACMEWEB01", received_at=MIDDAY, actor="groß")
    other = Row("sale", "acme", "groß", {}, MIDDAY, sender="till", category="person")
    file = build_store(tmp_path / "s.duckdb", [user, act, other])
    with analytics.connect(str(file)) as client:
        acts = client.sql(*queries.make_query("acts_of_user", {"entity": "GROSS", "page_rows": 5})).to_pylist()
        found = client.sql(*queries.make_query("entities_found", {"named": "groß", "page_rows": 5})).to_pylist()
        by, about = (
            client.sql(*queries.make_query("newest_notifications", {"page_rows": 5, name: "GROSS"})).to_pylist()
            for name in ("actor", "entity")
        )
    assert [row["entity_id"] for row in acts] == ["WA1ACMEWEB01"]
    assert {row["entity_id"] for row in found} == {"GROSS", "groß"}
    assert [row["actor"] for row in by] == ["groß"]
    assert [row["entity_id"] for row in about] == ["groß", "GROSS"]


@pytest.mark.parametrize("letters", [ASCII, ASCII + OTHERS])
def test_a_part_of_a_name_is_found_as_by_a_comparison_of_each_name(letters):
    chance = random.Random(5)

    def make_names(count, longest):
        return ["".join(chance.choices(letters, k=chance.randint(1, longest))) for _ in range(count)]

    found = 0
    with duckdb.connect() as store:
        # In a table of its own, because DuckDB compares a column of ASCII in another way.
        store.execute("CREATE TABLE named AS SELECT unnest($names::VARCHAR[]) AS name", {"names": make_names(2_000, 8)})
        for part in [*make_names(300, 3), "k", "ss", "SS", "fi", "%", "_"]:
            exact = f"contains({queries.in_any_case('name')}, {queries.in_any_case('$part')})"
            wanted, given = (
                store.execute(f"SELECT name FROM named WHERE {condition} ORDER BY name", {"part": part}).fetchall()
                for condition in (exact, queries.has_part("name, $part"))
            )
            assert given == wanted, part
            found += len(given)
    assert found > 1_000
