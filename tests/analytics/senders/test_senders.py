"""What pages, words and queries ask of senders, with a second one beside the first."""

from datetime import timedelta

import pytest

import analytics
from analytics import queries, senders
from analytics.senders.palette import PALETTE
from analytics.senders.phrases import Phrase
from analytics.senders.sender import Event, Examples, Kind, Sender, Wording
from analytics.words.sentences import Change, make_sentence, summarize_changes
from receiver.senders.profile import load_shipped
from tests.support.readable_store import MIDDAY, Row, build_store, server

PARCELS = Sender(
    name="parcels",
    title="Parcels",
    events=(
        Event("Parcel.Sent", "#111111", "#222222", "a parcel is sent"),
        Event("Track.Seen", "#333333", "#444444", "a parcel is scanned"),
    ),
    kinds=(Kind("Parcel", ":material/package:", also=("Track",), unseen="its weight"),),
    account="Depot",
    person="Driver",
    names_actors="none names one",
    place=None,
    alerts=None,
    signature_header="Parcels-Signature",
    signature_scheme="HMAC",
    how_to="1. Write to them.",
    examples=Examples("Parcel.Sent", "Parcel", "weight"),
    wording=Wording(
        nouns={"stamps": "stamp"},
        labels={"kg": "weight"},
        measures={"kg": "kg"},
        phrases={"lost": lambda _: Phrase("lost")},
    ),
    meanings={},
)


@pytest.fixture
def two_senders():
    senders.learn([PARCELS])
    yield
    senders.learn([])


def change(path, kind="changed", old="1", new="2"):
    return Change("Parcel", "P1", None, path, kind, old, new)


def test_each_folder_of_a_sender_is_named_like_a_sender_of_code_or_of_a_profile():
    profiles = [name.replace("-", "_") for name in load_shipped()]
    in_code = [sender.name for sender in senders.list_shipped()]
    assert {folder.name for folder in senders.list_folders()} <= {*in_code, *profiles}
    assert {*in_code, "github"} <= {folder.name for folder in senders.list_folders()}


@pytest.mark.parametrize(
    ("category", "body", "words"),
    [
        ("User", {"firstName": "Carla", "lastName": "O'Neill", "status": "Disabled"}, ["Carla O'Neill", "Disabled"]),
        ("User", {"lastName": "Kelp"}, ["Kelp"]),
        ("Server", {"status": "active", "details": {"powerState": "stopped", "inMaintenanceMode": True}},
         ["active", "powered off", "in maintenance mode"]),
        ("Account", {"status": "Active", "details": 7}, ["Active"]),
        ("User", ["no object"], []),
    ],
)  # fmt: skip
def test_the_sender_says_who_or_what_an_entity_is_and_its_state(category, body, words):
    said = senders.find_sender("centurylink").describe_state(category, body)
    assert [word for word in said if word] == words


def test_a_folder_that_only_has_sql_gives_its_rules_and_no_sender():
    assert "github" not in [sender.name for sender in senders.list_shipped()]
    assert any(file.name.startswith("github_") for file in senders.list_sql_files("rules"))


@pytest.mark.usefixtures("two_senders")
def test_a_second_senders_events_kinds_and_colours_are_beside_the_first_ones():
    assert senders.list_event_types()[-2:] == ["Parcel.Sent", "Track.Seen"]
    assert senders.colours(dark=True)["Track.Seen"] in dict(PALETTE).values()
    assert senders.find_kind_of("Track") == "Parcel"
    assert senders.list_categories_of("Parcel") == {"Parcel", "Track"}
    assert senders.find_icon("Track") == ":material/package:"
    assert senders.find_kind("track") == "Parcel"
    assert senders.find_kind("tracks") is None
    assert not senders.has_state("Track")


@pytest.mark.usefixtures("two_senders")
def test_a_change_is_told_in_the_words_of_its_own_sender():
    assert make_sentence(change("kg")) == "Somebody changed the weight of P1 from 1 kg to 2 kg"
    assert make_sentence(change("stamps[a].kg")) == "Somebody changed the weight of stamp a of P1 from 1 to 2"
    assert summarize_changes([change("lost"), change("", "unseen")]).startswith("lost; no visible field changed")
    assert summarize_changes([change("", "unseen")]).endswith("(perhaps its weight)")
    server_change = change("details.memoryMB")._replace(category="Server")
    assert "memory" in make_sentence(server_change)


@pytest.mark.usefixtures("two_senders")
def test_queries_count_and_find_the_entities_of_both_senders(tmp_path):
    rows = [
        server("ACME", "WA1ACMEWEB01", received_at=MIDDAY - timedelta(seconds=9)),
        Row("Parcel.Sent", "ACME", "WA1PARCEL", {}, MIDDAY - timedelta(seconds=8)),
        Row("Track.Seen", "ACME", "WA1PARCEL", {}, MIDDAY - timedelta(seconds=7)),
    ]
    span = {"counted_since": MIDDAY - timedelta(hours=1), "counted_until": MIDDAY, "alone": True, "most": 9}
    with analytics.connect(str(build_store(tmp_path / "s.duckdb", rows))) as client:

        def ask(name, **values):
            return client.sql(*queries.make_query(name, values)).to_pylist()

        entities = ask("activity_entities", notifications=True, **span)
        counted = {(row["kind"], row["name"]): row["events"] for row in entities}
        steps = ask("entity_notifications", category="Parcel", entity="WA1PARCEL", page_rows=9, position=0)
        parts = ask("entities_of_account", alias="ACME", page_rows=9)
        found = ask("entities_found", named="parcel", page_rows=9)
    assert counted == {("Parcel", "WA1PARCEL"): 2, ("Server", "WA1ACMEWEB01"): 1, ("Data centre", "WA1"): 1}
    assert [row["category"] for row in steps] == ["Track", "Parcel"]
    assert [(row["category"], row["entity_id"]) for row in parts] == [
        ("Parcel", "WA1PARCEL"), ("Server", "WA1ACMEWEB01"),
    ]  # fmt: skip
    assert [row["category"] for row in found] == ["Parcel"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", "SELECT 1"),
        ("has_place(kind)", "kind IN ('Alert', 'Server')"),
        ("is_place(any_value(place_of(name)))", "regexp_full_match(any_value(left(name, 3)), '[A-Z]{2}[0-9]')"),
        ("a_kind_of(x)", "a_kind_of(x)"),
    ],
)
def test_a_call_of_a_macro_becomes_what_it_stands_for(sql, expected):
    assert queries.expand(sql) == expected


def test_a_call_that_does_not_end_is_an_error():
    with pytest.raises(ValueError, match=r"The call of place_of does not end\."):
        queries.expand("SELECT place_of(left(name, 1)")


@pytest.mark.parametrize("name", sorted(queries.find_places()))
def test_no_query_is_left_with_a_call_that_the_store_does_not_know(name):
    assert queries.CALL.search(queries.read(name)) is None
