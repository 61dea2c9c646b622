"""The advice of pages that have nothing to show, drawn without a browser."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.dashboard_app import make_app
from tests.support.readable_store import build_store, many_rows, server
from tests.support.sizes import take_few


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    rows = many_rows(50, datetime.now(UTC) - timedelta(hours=1), days=20)
    return str(build_store(tmp_path_factory.mktemp("nothing") / "store.duckdb", rows))


@pytest.fixture
def read_captions(store, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def read(page, location=store, **parameters):
        app = make_app(monkeypatch, page, location, **parameters).run()
        assert not app.exception
        assert not app.get("vega_lite_chart")
        return [caption.value for caption in app.caption]

    return read


@pytest.mark.full
def test_where_no_filter_is_set_none_is_blamed(read_captions, tmp_path):
    for page, own in (("notifications", {"when": "15 min", "refresh": "off"}), ("audit", {"range": "15 min"})):
        captions = " ".join(read_captions(page, **own))
        assert "in this time range. You can choose a longer time range." in captions, page
        assert "filters" not in captions, page
    lone = str(build_store(tmp_path / "lone.duckdb", [server("ACME", "WA1ACMEWEB01")]))
    found = read_captions("entity", lone, among="User")
    assert [text for text in found if text.startswith("No ")] == ["No User is known yet."]


@pytest.mark.parametrize("filters", take_few([{}, {"entity": "no such entity"}], 1))
@pytest.mark.parametrize("page", take_few(["activity", "audit", "notifications"], 2))
def test_of_a_time_before_all_notifications_each_page_says_when_the_first_one_came(read_captions, page, filters):
    own = {"to": "2020-02-01T00:00:00"} if page == "notifications" else {"range": "own"}
    captions = read_captions(page, own="2020-01-01T00:00:00Z/2020-02-01T00:00:00Z", **own, **filters)
    (early,) = (text for text in captions if text.startswith("The first notification came at "))
    assert early.endswith(". Choose a later time range above.")
    assert "longer" not in " ".join(captions)


@pytest.mark.parametrize(
    ("address", "advice"),
    take_few(
        [
            ({"refresh": "5 s"}, "or wait: this page refreshes by itself."),
            ({"refresh": "off", "when": "7 d"}, "or choose a longer time range."),
            ({"refresh": "5 s", "to": datetime.now(UTC).isoformat()}, "or choose a longer time range."),
            ({"refresh": "off"}, "or turn on the refresh above to wait for new ones."),
        ],
        2,
    ),
)
def test_waiting_for_notifications_is_advised_only_where_the_page_would_show_new_ones(read_captions, address, advice):
    captions = read_captions("notifications", entity="no such entity", **address)
    assert f"None matches these filters. Clear them, {advice}" in captions


@pytest.mark.parametrize("page", ["activity", "notifications"])
def test_of_the_first_notification_there_is_a_sentence_and_its_row_and_no_chart(read_captions, tmp_path, page):
    lone = [server("ACME", "WA1ACMEWEB01", received_at=datetime.now(UTC))]
    captions = read_captions(page, str(build_store(tmp_path / "lone.duckdb", lone)))
    assert any(text.endswith("A chart is drawn from the next one on.") for text in captions)
