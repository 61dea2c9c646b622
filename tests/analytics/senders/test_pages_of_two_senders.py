"""The pages of a store where two senders use the same words and names for different things."""

import json
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

import analytics
from analytics import queries, senders
from analytics.errors import NotRunningError
from analytics.findings.finding import Finding
from analytics.pages.activity import filters as activity
from analytics.pages.activity.filters import ActivityFilters, list_tree
from analytics.pages.activity.signs import let_through
from analytics.pages.entity.related import names_it
from analytics.pages.entity.timeline import Entity
from analytics.pages.shared import filters
from analytics.pages.shared.accounts import Account, Accounts
from analytics.pages.shared.filters import list_alerting, list_chosen
from analytics.pages.shared.known.marks import is_of
from analytics.pages.shared.search import find_accounts
from analytics.senders.described import Seen, as_sender
from analytics.text import as_markdown
from analytics.times import EPOCH
from tests.support.dashboard_app import find_tables, make_app, plain_texts, table_rows
from tests.support.readable_store import Changed, Row, account, build_store
from tests.support.sizes import take_few

FINDING = Finding("1", "rule", "Rule", "high", datetime.now(UTC), "Server", "WA1", "DEMO", None, "It is.", ["1"])
DESCRIPTION = json.dumps(
    {"account": "shop", "account_category": "shop", "proof": "token", "secret_variable": "CLC_SECRET_TILL"}
)
SEEN = [Seen(name, name.split(".")[0]) for name in ("invoice.paid", "shop.updated", "user.changed")]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    def ago(hours):
        return datetime.now(UTC) - timedelta(hours=hours)

    rows = [
        account("BASE", "Base Holding", None, received_at=ago(5)),
        account("DEMO", "Demo Manufacturing", "BASE", received_at=ago(4)),
        Row("User.Created", "DEMO", "KIM", {"userName": "kim", "status": "Active"}, ago(3)),
        Row("invoice.paid", "SHOP", "inv-16", {}, ago(2), sender="till", category="invoice"),
        Row("invoice.paid", "DEMO", "inv-17", {}, ago(2), sender="till", category="invoice"),
        Row("shop.updated", "DEMO", "DEMO", {}, ago(2), sender="till", category="shop"),
        Row("user.changed", "DEMO", "U123", {}, ago(1), sender="till", category="user"),
        Row("user.changed", "TEAM", "ann", {}, ago(9), sender="till", category="user"),
        *(
            Row("invoice.paid", "TEAM", f"inv-{actor}", {}, ago(9), actor, sender="till", category="invoice")
            for actor in ("ann", "Ann", "Bob")
        ),
    ]
    changes = [Changed(number, "status", "changed", "1", "2") for number in (3, 4)]
    file = build_store(tmp_path_factory.mktemp("two") / "two.duckdb", rows, changes=changes)
    with duckdb.connect(str(file)) as connection:
        description = "INSERT INTO senders BY NAME SELECT 'till' AS name, 'Till' AS title, ? AS description"
        connection.execute(description, [DESCRIPTION])
        connection.execute("UPDATE notifications SET proof = 'third-party' WHERE sender = 'till'")
    # A page learns the senders itself, but may have been drawn by then.
    senders.learn([as_sender("till", "Till", DESCRIPTION, SEEN)])
    yield str(file)
    senders.learn([])


@pytest.fixture
def open_page(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(page, **parameters):
        app = make_app(monkeypatch, page, store, **parameters).run()
        assert not app.exception
        return app

    return run


@pytest.fixture
def accounts(store, monkeypatch):
    with analytics.connect(store) as client:
        rows = client.sql(*queries.make_query("accounts", {})).to_pylist()
    made = [Account(*(row[name] for name in ("alias", "business_name", "parent_alias", "root_path", "sender")))
            for row in rows]  # fmt: skip
    every = Accounts(made)
    for module in (filters, activity):
        monkeypatch.setattr(module, "load_accounts", lambda: every)
    return every


@pytest.fixture
def ask(store):
    with analytics.connect(store) as client:
        yield lambda name, **values: client.sql(*queries.make_query(name, values)).to_pylist()


@pytest.mark.parametrize("more", take_few([{"sender": "centurylink"}, {}], 1))
def test_an_entity_opens_beside_another_senders_category_of_the_same_word_in_another_letter_case(open_page, more):
    app = open_page("entity", category="User", name="kim", **more)
    assert next(text.value for text in app.text) == "KIM"
    assert "No notification about it" not in [head.value for head in app.subheader]


def test_set_up_says_that_a_sender_without_a_secret_is_not_taken_though_it_was_received(open_page):
    app = open_page("set_up")
    assert app.button(key="received-till").label == "8 in all"
    assert as_markdown("not taken now: set CLC_SECRET_TILL") in [caption.value for caption in app.caption]


@pytest.mark.parametrize("page", ["notifications", "audit", "entity"])
@pytest.mark.parametrize(("sender", "title"), [("till", "Shop"), ("centurylink", "Account"), (None, "Account")])
def test_a_list_calls_accounts_as_their_sender_does(open_page, page, sender, title):
    app = open_page(page, **({"sender": sender} if sender else {}))
    titles = {column["name"] for table in find_tables(app) for column in table["columns"]}
    assert titles & {"Shop", "Account"} == {title}


@pytest.mark.full
def test_the_search_for_a_category_finds_those_of_that_letter_case(open_page):
    assert [row[2] for row in table_rows(open_page("entity", among="User"))] == ["KIM"]
    assert [row[2] for row in table_rows(open_page("entity", among="user"))] == ["U123", "ann"]
    assert [row[2] for row in table_rows(open_page("entity", among="user", sender="centurylink"))] == ["KIM"]


@pytest.mark.parametrize(
    ("name", "shown", "acts"),
    take_few(
        [
            ("ann", "ann", ["inv-ann"]),
            ("Ann", "Ann", ["inv-Ann"]),
            ("ANN", "ann", ["inv-ann"]),
            ("BOB", "Bob", ["inv-Bob"]),
        ],
        1,
    ),
)
def test_a_user_of_a_sender_whose_names_have_letter_case_has_the_acts_of_just_that_name(open_page, name, shown, acts):
    app = open_page("entity", category="user", name=name, sender="till")
    assert next(text.value for text in app.text) == shown
    assert [cell for row in table_rows(app) for cell in row if str(cell).startswith("inv-")] == acts


@pytest.mark.parametrize(
    ("chosen", "numbers", "changes"),
    [
        ({"account_tree": "BASE"}, {1, 2, 3}, {3}),
        ({"account_tree": "DEMO", "sender": "till"}, {5, 6, 7}, set()),
        ({"account_tree": "DEMO"}, {2, 3, 5, 6, 7}, {3}),
        ({"account_tree": "SHOP"}, {4}, {4}),
    ],
)
@pytest.mark.usefixtures("accounts")
def test_the_sub_accounts_of_an_account_are_those_of_its_own_sender(ask, chosen, numbers, changes):
    assert {row["seq"] for row in ask("newest_notifications", page_rows=9, **chosen)} == numbers
    assert ask("changes_count", **chosen)[0]["total"] == len(changes)
    tree = list_tree(chosen["account_tree"], chosen.get("sender"))
    values = {"counted_since": EPOCH, "counted_until": datetime.now(UTC), "alone": True, "sender": chosen.get("sender")}
    for measure, expected in (("notifications", numbers), ("changes", changes)):
        counted = ask("activity_types", **values, **tree, **{measure: True, "typed": measure == "changes" or None})
        assert sum(row["events"] for row in counted) == len(expected), measure


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"account": None, "account_tree": "BASE"}, ["centurylink"]),
        ({"account": None, "account_tree": "DEMO", "sender": "till"}, ["till"]),
        ({"account": "DEMO", "account_tree": None}, ["centurylink", "till"]),
        ({"account": "DEMO", "account_tree": None, "sender": "till"}, ["till"]),
    ],
)
@pytest.mark.usefixtures("accounts")
def test_findings_and_alarms_of_an_account_are_those_of_its_own_sender(chosen, found):
    accounts = list_chosen(chosen)
    findings = [FINDING._replace(sender=sender) for sender in ("centurylink", "till")]
    assert [each.sender for each in findings if is_of(each, accounts)] == found
    about_several = [each._replace(account_alias="OTHER", other_accounts=["DEMO"]) for each in findings]
    assert [each.sender for each in about_several if is_of(each, accounts)] == found
    assert ("DEMO" in list_alerting(accounts)) == ("centurylink" in found)


def test_findings_of_a_sender_are_not_those_of_another_with_the_same_category():
    findings = [FINDING._replace(sender=sender, category="user") for sender in ("slack", "till")]
    assert let_through(findings, ActivityFilters(sender="till")) == findings[1:]


def test_an_account_has_no_name_and_no_parent_of_another_senders_account(open_page):
    whose = {"category": "shop", "name": "DEMO", "sender": "till"}
    app = open_page("entity", **whose)
    assert "Demo Manufacturing" not in [text.value for text in app.text]
    assert "BASE" not in " ".join(button.label for button in app.button)
    app = open_page("entity", category="Account", name="DEMO", sender="centurylink")
    assert "Demo Manufacturing" in [text.value for text in app.text]
    assert "Parent account BASE" in " ".join(button.label for button in app.button)


@pytest.mark.parametrize("page", take_few(["entity", "notifications"], 1))
def test_lists_have_names_of_accounts_beside_rows_of_the_same_sender_alone(open_page, page):
    rows = [[str(cell) for cell in row] for row in table_rows(open_page(page))]
    named = [row for row in rows if "DEMO  Demo Manufacturing" in row]
    assert (len(named), {"CenturyLink Cloud" in row for row in named}) == (2, {True})
    assert len([row for row in rows if "Till" in row and "DEMO" in row]) == 3


def test_the_list_of_accounts_has_names_of_the_senders_own(open_page):
    listed = [tuple(row[:3:2]) for row in table_rows(open_page("activity"))]
    assert {("DEMO", "3"), ("DEMO  Demo Manufacturing", "2")} <= set(listed)


@pytest.mark.parametrize(("seq", "is_offered"), [("3", True), ("4", False)])
def test_only_a_notification_that_its_body_and_signature_make_whole_is_offered_as_a_command(open_page, seq, is_offered):
    texts = plain_texts(open_page("notifications", seq=seq))
    assert any(text.startswith("curl ") for text in texts) == is_offered


def test_a_search_finds_each_account_of_an_alias_by_its_own_name(accounts):
    assert find_accounts("demo manu", accounts) == ["centurylink/DEMO"]
    assert find_accounts("demo", accounts) == ["centurylink/DEMO", "till/DEMO"]
    assert [accounts.find_owner(key) for key in ("till/DEMO", "BASE")] == [("DEMO", "till"), ("BASE", "centurylink")]


def test_findings_about_an_entity_are_those_of_its_sender():
    entity = Entity("user", "U123", "till")
    findings = [FINDING._replace(sender=sender, category="user", entity_id="U123") for sender in ("slack", "till")]
    assert [names_it(each, entity) for each in findings] == [False, True]


@pytest.mark.usefixtures("store")
def test_findings_about_a_user_name_just_that_actor_where_a_senders_names_have_letter_case():
    for sender, category, named in (("till", "user", ["ann"]), ("centurylink", "User", ["ann", "Ann"])):
        entity = Entity(category, "ann" if sender == "till" else "ANN", sender)
        findings = [FINDING._replace(sender=sender, category="x", actor=actor) for actor in ("ann", "Ann", "bob", None)]
        assert [each.actor for each in findings if names_it(each, entity)] == named


def test_accounts_stay_while_the_store_is_away_though_its_senders_were_learned_anew(store, monkeypatch):
    def page():
        import streamlit as st

        from analytics.pages.shared.accounts import load_accounts

        st.text(" ".join(account.alias for account in load_accounts().all))

    def refuse(*_):
        raise NotRunningError

    make_app(monkeypatch, "activity", store)  # from here on this process is a dashboard on the store
    app = AppTest.from_function(page).run()
    known = app.text[0].value
    assert "BASE DEMO" in known
    monkeypatch.setattr("analytics.pages.shared.accounts.ask", refuse)
    senders.learn([as_sender("till", "Another title", DESCRIPTION, SEEN)])
    assert [text.value for text in app.run().text] == [known]
    assert not app.exception


@pytest.mark.parametrize("account", ["SHOP", "Shop"])
def test_an_account_in_an_address_is_found_in_any_letter_case(open_page, account):
    assert len(table_rows(open_page("notifications", account=account, refresh="off"))) == 1
