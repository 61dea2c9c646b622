"""A sender whose title and words are made to be taken for Markdown."""

import json
import re
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from analytics import senders
from analytics.senders.described import Seen, as_sender
from tests.support.dashboard_app import make_app
from tests.support.readable_store import Row, account, build_store
from tests.support.sizes import take_few

HOSTILE = "[x](http://127.0.0.1:9/)"
UNESCAPED = re.compile(r"(?<!\\)\[x")
DESCRIPTION = json.dumps(
    {
        "account_category": "depot",
        "account": f"depot {HOSTILE}",
        "accounts": f"depots {HOSTILE}",
        "entities": {"parcel": f"parcel {HOSTILE}", "depot": f"depot {HOSTILE}", "user": f"driver {HOSTILE}"},
        "secret_variable": "CLC_SECRET_POST",
    }
)
TITLE = f"Post {HOSTILE}"
SEEN = [Seen("parcel.sent", "parcel"), Seen("user.hired", "user")]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    at = datetime.now(UTC) - timedelta(hours=1)
    rows = [
        account("BASE", "Base", None, received_at=at),
        Row("Alert.Notification", "BASE", "WA1", {"triggers": [{"metric": "cpu", "state": "triggered"}]}, at),
        *(Row("parcel.sent", "NORTH", f"P{number}", {}, at, sender="post", category="parcel") for number in range(32)),
        Row("parcel.sent", "NORTH", "P1", {}, at, sender="post", category="parcel"),
        Row("user.hired", "NORTH", "kim", {}, at, sender="post", category="user"),
    ]
    file = build_store(tmp_path_factory.mktemp("hostile") / "s.duckdb", rows)
    with duckdb.connect(str(file)) as connection:
        values = [TITLE, DESCRIPTION]
        connection.execute("INSERT INTO senders BY NAME SELECT 'post' AS name, ? AS title, ? AS description", values)
    # A page learns the senders itself, but may have been drawn by then.
    senders.learn([as_sender("post", TITLE, DESCRIPTION, SEEN)])
    yield str(file)
    senders.learn([])


@pytest.mark.parametrize(
    ("page", "address"),
    take_few(
        [
            ("entity", {"category": "parcel", "name": "P1", "sender": "post"}),
            ("notifications", {"seq": "35", "sender": "post"}),
            ("activity", {"account": "NORTH", "sender": "post", "what": f"post:{HOSTILE}/P1"}),
            ("entity", {"among": "parcel", "named": "nothing", "sender": "post"}),
            ("entity", {"category": "depot", "name": "NORTH", "sender": "post"}),
            ("entity", {"category": "depot", "name": "SOUTH", "sender": "post"}),
            ("entity", {"category": "user", "name": "kim", "sender": "post"}),
            ("entity", {"category": "user", "name": "nobody", "sender": "post"}),
            ("notifications", {"seq": "36", "account": "NORTH", "sender": "post"}),
            ("alerts", {"account": "NORTH"}),
            ("set_up", {}),
        ],
        3,
    ),
)
def test_a_title_and_words_of_a_sender_are_shown_letter_by_letter(store, monkeypatch, tmp_path, page, address):
    monkeypatch.chdir(tmp_path)
    app = make_app(monkeypatch, page, store, **address).run()
    assert not app.exception
    shown = [element.value for kind in (app.caption, app.markdown, app.subheader, app.error) for element in kind]
    shown += [element.help or "" for element in app.subheader]
    shown += [text for button in app.button for text in (button.label, button.help or "")]
    shown += [option for group in app.button_group for option in group.options]
    shown += [block.proto.popover.label for block in app.get("popover")]
    assert [text for text in shown if UNESCAPED.search(text)] == []
    assert [text for text in shown if "x" in text]
