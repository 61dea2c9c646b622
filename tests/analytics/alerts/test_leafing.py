"""The pages of the lists on Alerts, drawn without a browser."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.dashboard_app import make_app
from tests.support.readable_store import Row, build_store

COUNT, FLAPPING = 110, 60
AT = datetime.now(UTC).replace(microsecond=0)
EXTENTS = ["1 to 50", "51 to 100", "101 to 150", "151 to 170"]


def alert(number, minutes, state):
    name, at = f"WA1ACMEWEB{number:03}", AT - timedelta(minutes=minutes)
    body = {"accountAlias": "ACME", "serverName": name, "triggers": [{"metric": "cpu", "state": state}]}
    return Row("Alert.Notification", "ACME", name, body, at)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return a store with 110 servers in alarm, the one with the smallest number last; 60 of them were before, too."""
    rows = [
        alert(number, minutes, state)
        for number in range(FLAPPING)
        for minutes, state in ((1_002 + number, "triggered"), (1_001 + number, "notTriggered"))
    ]
    rows += [alert(number, 2 + number, "triggered") for number in range(COUNT)]
    path = tmp_path_factory.mktemp("alerts") / "store.duckdb"
    return str(build_store(path, sorted(rows, key=lambda row: row.received_at)))


@pytest.fixture
def open_alerts(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def run(**parameters):
        app = make_app(monkeypatch, "alerts", store, flapping="2")
        for parameter, value in parameters.items():
            app.query_params[parameter] = value
        assert not app.run().exception
        return app

    return run


def list_servers(app, alt, place):
    """Return the names of servers in a list."""
    tables = [json.loads(each.proto.json) for each in app.get("bidi_component")]
    (listed,) = (table for table in tables if isinstance(table, dict) and table.get("alt") == alt)
    return [row["cells"][place] for row in listed["rows"]]


def read_address(app, parameter):
    value = app.query_params[parameter]
    return value if isinstance(value, str) else value[0]


def name(number):
    return f"WA1ACMEWEB{number:03}"


def texts(app):
    return [text.value for text in app.text]


def test_each_alarm_can_be_reached_by_leafing(open_alerts):
    app = open_alerts()
    listed = []
    for extent in EXTENTS:
        assert f"{extent} of 170 alarms" in texts(app)
        listed += list_servers(app, "Alarms of this time range", 1)
        if not app.button(key="older").disabled:
            app.button(key="older").click().run()
    assert listed == [*map(name, range(COUNT)), *map(name, range(FLAPPING))]
    assert read_address(app, "page") == "4"
    assert app.button(key="older").disabled


@pytest.mark.full
def test_the_present_alarms_and_the_flapping_metrics_can_be_leafed_through_too(open_alerts):
    app = open_alerts(lasting="3", flaps="2")
    assert list_servers(app, "In alarm now", 1) == [*map(name, range(100, COUNT))]
    assert list_servers(app, "Flapping, most alarms first", 0) == [*map(name, range(50, FLAPPING))]
    assert {"101 to 110 of 110 metrics", "51 to 60 of 60 metrics"} <= set(texts(app))
    app.button(key="lasting-first").click().run()
    assert list_servers(app, "In alarm now", 1)[0] == name(0)


@pytest.mark.full
def test_a_page_of_alarms_keeps_its_end_so_that_new_ones_move_nothing(open_alerts):
    app = open_alerts()
    app.button(key="older").click().run()
    assert datetime.fromisoformat(read_address(app, "until")) >= AT
    earlier = open_alerts(page="2", until=(AT - timedelta(minutes=11, seconds=30)).isoformat())
    assert list_servers(earlier, "Alarms of this time range", 1)[0] == name(60)


@pytest.mark.full
def test_another_filter_or_order_begins_with_the_first_page(open_alerts):
    app = open_alerts(page="2", lasting="2", until=AT.isoformat())
    app.text_input(key="entity").set_value("WEB1").run()
    assert not {"page", "lasting", "until"} & set(app.query_params)


def test_a_list_of_one_page_has_no_ways_to_others(open_alerts):
    app = open_alerts(entity="WEB00")
    assert not [button for button in app.button if button.key in ("older", "lasting-next", "flaps-next")]
