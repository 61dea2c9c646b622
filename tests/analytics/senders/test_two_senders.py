"""A store with the notifications of several senders: what the queries, words and charts of the pages make of it."""

import csv
import json
from datetime import timedelta

import pandas as pd
import pytest

import analytics
from analytics import queries, senders
from analytics.charts.charts import MOST_TYPES, OTHER_TYPES, choose_series, join_types
from analytics.pages.audit.downloads import make_changes_csv
from analytics.pages.shared.accounts import Account, Accounts
from analytics.pages.shared.filters import name_entity, parse_entity
from analytics.pages.shared.formatting import format_type
from analytics.senders.described import Seen, as_sender
from analytics.words.meanings import VERDICTS, describe_verdict
from analytics.words.sentences import Change, make_sentence
from tests.support.readable_store import MIDDAY, Changed, Row, build_store, server

GITHUB = as_sender(
    "github",
    "GitHub",
    json.dumps({"account_category": "organization", "proof": "shared-secret"}),
    [Seen("issues.edited", "issue"), Seen("push", "repository")],
)
GITLAB = as_sender("gitlab", "GitLab", "{}", [Seen("push", "repository")])
REPOSITORY = "acme/Shop"
SECONDS = {"counted_since": MIDDAY - timedelta(hours=1), "counted_until": MIDDAY, "alone": True, "most": 99}


@pytest.fixture
def three_senders():
    senders.learn([GITHUB, GITLAB])
    yield
    senders.learn([])


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    def pushed(sender, seconds, **more):
        at = MIDDAY - timedelta(seconds=seconds)
        row = Row("push", "acme", REPOSITORY, {}, at, actor="Octocat", sender=sender, category="repository")
        return Row(**{**row.__dict__, **more})

    rows = [
        server("ACME", "WA1ACMEWEB01", received_at=MIDDAY - timedelta(seconds=90), actor="octocat"),
        pushed("github", 80),
        pushed("gitlab", 70),
        pushed("github", 60),
        pushed("github", 50, event_type="issues.edited", category="issue", entity_id="acme/Shop#1"),
    ]
    changes = [Changed(1, "cpu", "changed", "1", "2"), Changed(2, "name", "changed", '"a"', '"b"', told=True)]
    file = build_store(tmp_path_factory.mktemp("store") / "s.duckdb", rows, changes=changes)
    with analytics.connect(str(file)) as made:
        yield made


@pytest.fixture
def ask(client):
    def run(name, **values):
        return client.sql(*queries.make_query(name, values)).to_pylist()

    return run


def test_a_store_with_one_sender_is_asked_nothing_about_senders():
    needed = dict.fromkeys(
        ("page_rows", "upto", "seq", "position", "ids", "category", "entity", "first", "last", "most"), 1
    )
    spans = {**SECONDS, "notifications": True, "alias": "x", "since": MIDDAY, "until": MIDDAY}
    for name in (
        "newest_notifications", "later_notifications", "activity_entities", "activity_accounts", "activity_actors",
        "changes_page", "changes_of_step", "entity", "entity_notifications", "entity_changes", "entity_neighbours",
        "entities_of_account", "entities_found", "acts_of_user", "accounts", "notifications_by_id",
    ):  # fmt: skip
        sql = queries.make_query(name, {**needed, **spans}).sql
        assert "sender" not in sql, name
        assert "told" not in sql.replace("told AS (", "").replace("FROM told", ""), name


@pytest.mark.usefixtures("three_senders")
def test_an_entity_is_its_senders_own_where_category_and_name_are_the_same(ask):
    found = ask("entities_found", named="acme/shop", kind="repository", page_rows=9)
    assert {(row["sender"], row["notifications"]) for row in found} == {("github", 2), ("gitlab", 1)}
    for sender, steps in (("github", [4, 2]), ("gitlab", [3])):
        whose = {"category": "repository", "entity": REPOSITORY, "sender": sender}
        assert [row["seq"] for row in ask("entity_notifications", page_rows=9, position=0, **whose)] == steps
        assert ask("entity", **whose)[0]["steps"] == len(steps)
        around = ask("entity_neighbours", seq=steps[0])[0]
        assert (around["notifications"], around["earlier"]) == (len(steps), steps[1] if len(steps) > 1 else None)
    listed = ask("activity_entities", notifications=True, **SECONDS)
    assert {(row["sender"], row["events"]) for row in listed if row["name"] == REPOSITORY} == {
        ("github", 2), ("gitlab", 1),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["newest_notifications", "entities_found"])
def test_an_entity_is_found_by_its_name_in_any_letter_case_whatever_its_sender(ask, name):
    for text, count in (("ACME/shop#1", 1), ("acme/SHOP#1", 1), ("acmeweb", 1), ("ACMEWEB", 1), ("nobody", 0)):
        assert len(ask(name, entity=text, named=text, page_rows=9)) == count, text


@pytest.mark.usefixtures("three_senders")
def test_a_name_in_the_address_becomes_that_of_the_store(ask):
    whose = {"category": "repository", "sender": "github"}
    assert ask("name_of_entity", entity="ACME/SHOP", **whose) == [{"entity_id": REPOSITORY}]
    assert ask("name_of_entity", entity="ACME", **whose) == []
    user = {"category": "user", "sender": "github", "is_person": True}
    assert ask("name_of_entity", entity="OCTOCAT", **user) == [{"entity_id": "Octocat"}]


@pytest.mark.usefixtures("three_senders")
def test_the_filter_of_a_sender_leaves_its_rows_alone(ask):
    for sender, count in (("centurylink", 1), ("github", 3), ("gitlab", 1)):
        assert len(ask("newest_notifications", sender=sender, page_rows=9)) == count
        for measure in ("notifications", "changes"):
            counted = ask(
                "activity_types", sender=sender, **SECONDS, **{measure: True, "typed": measure == "changes" or None}
            )
            expected = count if measure == "notifications" else {"gitlab": 0}.get(sender, 1)
            assert sum(row["events"] for row in counted) == expected
        assert ask("changes_count", sender=sender)[0]["total"] == {"gitlab": 0}.get(sender, 1)
    acts = ask("acts_of_user", entity="Octocat", sender="github", page_rows=9)
    assert [row["seq"] for row in acts] == [5, 4, 2]


@pytest.mark.usefixtures("three_senders")
def test_an_entity_of_each_of_two_senders_counts_among_the_rows_of_entities(ask, client):
    numbers = {row["table_name"]: row["number"] for row in ask("schema_counts")}
    assert numbers["entities"] == client.sql("SELECT count(*) AS n FROM entities").to_pylist()[0]["n"] == 4


@pytest.mark.usefixtures("three_senders")
def test_letter_case_tells_actors_apart_for_those_senders_whose_names_have_it(tmp_path):
    who = [("centurylink", "ann"), ("centurylink", "ANN"), ("centurylink", "ANN"), ("github", "ann"), ("github", "Ann")]
    at = MIDDAY - timedelta(minutes=1)
    rows = [Row("push", "acme", REPOSITORY, {}, at, actor, sender=sender) for sender, actor in who]
    with analytics.connect(str(build_store(tmp_path / "s.duckdb", rows))) as client:

        def ask(name, **values):
            return client.sql(*queries.make_query(name, {**SECONDS, "notifications": True, **values})).to_pylist()

        listed = ask("activity_actors")
        assert [(row["sender"], row["name"], row["events"]) for row in listed] == [
            ("centurylink", "ANN", 3), ("github", "Ann", 1), ("github", "ann", 1),
        ]  # fmt: skip
        assert {row["total"] for row in listed} == {3}
        for actor, count in (("ann", 4), ("Ann", 4), ("ANN", 3)):
            assert sum(row["events"] for row in ask("activity_types", actor=actor)) == count, actor
        for sender, name, seqs in (
            ("centurylink", "ANN", [3, 2, 1]), ("github", "ann", [4]), ("github", "Ann", [5]), ("github", "ANN", []),
        ):  # fmt: skip
            acts = ask("acts_of_user", entity=name, sender=sender, page_rows=9)
            assert [row["seq"] for row in acts] == seqs, name


@pytest.mark.usefixtures("three_senders")
def test_a_name_with_letters_that_are_two_in_upper_case_is_one_of_two_senders_where_the_filter_has_both(tmp_path):
    at = MIDDAY - timedelta(minutes=1)
    who = [("centurylink", "groß"), ("github", "GROSS"), ("github", "ann")]
    rows = [Row("push", "acme", REPOSITORY, {}, at, actor, sender=sender) for sender, actor in who]
    with analytics.connect(str(build_store(tmp_path / "s.duckdb", rows))) as client:

        def ask(name, **values):
            return client.sql(*queries.make_query(name, {**SECONDS, "notifications": True, **values})).to_pylist()

        counted = sum(row["events"] for row in ask("activity_types", actor="GROSS"))
        assert counted == 2
        assert {row["name"]: row["shared"] for row in ask("activity_actors")} == {
            "groß": True, "GROSS": True, "ann": False,
        }  # fmt: skip
        user = {"category": "user", "sender": "github", "is_person": True}
        assert ask("name_of_entity", entity="groß", **user) == [{"entity_id": "GROSS"}]


@pytest.mark.usefixtures("three_senders")
def test_the_category_of_an_event_is_the_one_of_its_notifications():
    assert senders.list_event_types_of({"issue"}) == ["issues.edited"]
    assert set(senders.list_event_types_of({"repository"})) == {"push"}
    assert {"issue", "repository"} <= set(senders.list_categories())
    assert senders.find_sender_of("issue").name == GITHUB.name
    assert (format_type("issues.edited"), format_type("issue")) == ("issues.edited", "issue (event unknown)")


@pytest.mark.usefixtures("three_senders")
def test_an_entity_in_the_address_names_its_sender():
    for sender, kind, name in (("github", "issue", "a:b/c#1"), ("gitlab", "repository", "a/b")):
        assert parse_entity(name_entity(kind, name, sender)) == (sender, (kind, name))
    assert parse_entity("Server/WA1") == ("centurylink", ("Server", "WA1"))


def test_a_store_without_the_first_sender_has_the_words_of_its_own():
    try:
        senders.learn([GITHUB._replace(events=())])
        assert [sender.name for sender in senders.list_heard()] == ["centurylink"], "it is set up and sent nothing yet"
        assert not senders.has_several_senders()
        assert "issue" not in senders.list_kinds()
        senders.learn([GITHUB], alone=True)
        assert (senders.list_titles(), senders.has_several_senders()) == ({"github": "GitHub"}, False)
        assert (senders.find_account_kind(), senders.find_person_kind(), senders.find_place()) == (
            "organization",
            "user",
            None,
        )
        assert senders.describe_any_entity() == "repository or issue"
    finally:
        senders.learn([])


def test_only_a_key_pair_is_said_to_be_checked_by_others():
    assert "GitHub" in (describe_verdict("valid", "shared-secret", "GitHub") or "")
    assert "nobody without the secret can check it" in (describe_verdict("valid", "shared-secret", "GitHub") or "")
    assert "nothing says that the body is as it was sent" in (describe_verdict("valid", "token", "GitLab") or "")
    assert "signs nothing" in (describe_verdict("valid", "none", "Shop") or "")
    assert "under a secret" in (describe_verdict("invalid", "shared-secret", "GitHub") or "")
    assert describe_verdict("valid", "third-party", "CenturyLink Cloud") == VERDICTS["valid"]
    assert describe_verdict("odd", "token", "GitLab") is None


@pytest.mark.usefixtures("three_senders")
def test_the_file_of_changes_says_which_the_sender_told_itself(client):
    rows = list(csv.DictReader(make_changes_csv(client, {}).decode("utf-8-sig").splitlines()))
    assert {row["path"]: row["told_by_the_sender"] for row in rows} == {"cpu": "False", "name": "True"}
    assert {row["sender"] for row in rows} == {"centurylink", "github"}


def test_a_chart_of_many_event_types_joins_the_rarest_and_loses_none():
    seen = [Seen(f"t{number:02}", "t") for number in range(MOST_TYPES + 5)]
    frame = pd.DataFrame(
        {"bin_us": [0, 60] * len(seen), "event_type": [each.event_type for each in seen for _ in "ab"],
         "events": [1 + number for number in range(len(seen)) for _ in "ab"]}
    )  # fmt: skip
    try:
        senders.learn([as_sender("t", "T", "{}", seen)], alone=True)
        shown, others = choose_series(frame)
        assert shown == [each.event_type for each in reversed(seen)][: MOST_TYPES - 1]
        joined = join_types(frame, others)
        assert set(joined["event_type"]) == {*shown, OTHER_TYPES}
        assert joined["events"].sum() == frame["events"].sum()
        assert choose_series(frame[frame["event_type"] < "t08"]) == ([f"t0{number}" for number in range(7, -1, -1)], [])
    finally:
        senders.learn([])


@pytest.mark.parametrize(
    ("path", "kind", "old", "new", "expected"),
    [
        ("stargazers[kim]", "added", None, "kim", "ann added stargazer kim to acme/Shop"),
        ("members[kim]", "added", None, "admin", "ann added member kim to acme/Shop (admin)"),
        ("branch_protection_rules[main]", "removed", {"id": 1}, None,
         "ann removed branch protection rule main from acme/Shop"),
        ("refs[refs/heads/main]", "changed", "ab" * 20, "cd" * 20,
         "ann changed ref refs/heads/main of acme/Shop from abababa to cdcdcdc"),
        ("private", "changed", True, False, "ann set private of acme/Shop to no"),
        ("watchers", "changed", 3, 4, "ann changed the watchers of acme/Shop from 3 to 4"),
        ("tax_statuses[eu].rate", "changed", 3, 4, "ann changed the rate of tax status eu of acme/Shop from 3 to 4"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("three_senders")
def test_changes_of_a_sender_without_words_of_its_own_read_as_sentences(path, kind, old, new, expected):
    values = (None if value is None else json.dumps(value) for value in (old, new))
    assert make_sentence(Change("repository", REPOSITORY, "ann", path, kind, *values)) == expected


def test_a_category_is_found_by_its_own_letter_case_first_and_among_those_of_the_sender_in_the_address():
    try:
        senders.learn([as_sender("slack", "Slack", "{}", [Seen("user_change", "user")])])
        assert [senders.find_kind(name) for name in ("User", "user", "USER", "server")] == [
            "User", "user", "User", "Server",
        ]  # fmt: skip
        assert [senders.find_kind(name, "slack") for name in ("User", "USER", "server")] == ["user", "user", "Server"]
        assert senders.find_kind("user", "centurylink") == "User"
        assert senders.find_kind("users", "slack") is None
    finally:
        senders.learn([])


@pytest.mark.usefixtures("three_senders")
def test_an_account_of_an_alias_that_another_sender_has_makes_another_version_of_the_accounts(tmp_path):
    versions = []
    for names in (["github"], ["github", "github"], ["github", "gitlab"]):
        rows = [Row("push", "acme", REPOSITORY, {}, sender=name, category="repository") for name in names]
        with analytics.connect(str(build_store(tmp_path / f"{len(versions)}.duckdb", rows))) as client:
            versions += client.sql(*queries.make_query("accounts_version", {})).to_pylist()
    assert versions[0] == versions[1] != versions[2]


@pytest.mark.usefixtures("three_senders")
def test_an_alias_of_two_senders_is_two_accounts():
    accounts = Accounts(
        [
            Account("ACME", None, None, ("ACME",), "github"),
            Account("ACME", None, None, ("ACME",), "gitlab"),
            Account("LOW", None, "ACME", ("ACME", "LOW"), "gitlab"),
        ]
    )
    assert accounts.offer() == ["github/ACME", "gitlab/ACME", "LOW"]
    assert [label.strip() for label in accounts.labels.values()] == ["ACME  GitHub", "ACME  GitLab", "LOW"]
    assert (accounts.find_named("acme"), accounts.find_named("low")) == (None, "LOW")
    assert [accounts.split(key) for key in ("gitlab/ACME", "LOW")] == [("ACME", "gitlab"), ("LOW", None)]
    github, *gitlab = (account.key for account in accounts.all)
    assert (accounts.list_tree("ACME", "github"), accounts.list_tree("ACME", "gitlab")) == ({github}, {*gitlab})
    assert accounts.list_tree("ACME") == {github, *gitlab}
    shared = [accounts.are_shared_with_others(keys) for keys in ([github], gitlab, [github, *gitlab], gitlab[1:])]
    assert shared == [True, True, False, False]
