"""A list of notifications is one table, however wide: whole columns go, and dates stand where days change."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from analytics import senders
from analytics.pages.notifications.listing import list_columns
from analytics.pages.shared.components import BROWSER, TABLE_HTML, Line, describe_column, describe_line, read_file
from analytics.senders.described import Seen, as_sender
from tests.support.sizes import take_few

pytestmark = pytest.mark.browser

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
MOMENTS = [NOON, NOON - timedelta(hours=1), NOON - timedelta(days=1), NOON - timedelta(days=1, hours=1)]
EVENT, ENTITY, WHAT = "pull_request_review_comment.created", "gitlab-org/release-webhook-example@v1.1", "changed " * 30
SENDERS = {"alpha": "#308ce8", "beta": "#cb4d8c"}
ROOT = "html { font: 14px sans-serif } body { margin: 0 }"
DRAW = """async ([source, data]) => {
  const { default: draw } = await import(source);
  draw({ data, parentElement: document.body, setTriggerValue() {} });
}"""
HEADS = """() => [...document.querySelectorAll("th")]
  .filter(head => head.checkVisibility() && getComputedStyle(head).fontSize !== "0px").map(head => head.innerText)"""
MARKS = """() => [...document.querySelectorAll("td.mark")].filter(cell => cell.checkVisibility())
  .map(cell => [cell.title, getComputedStyle(cell, "::before").backgroundColor])"""
BLUE, PINK = "rgb(48, 140, 232)", "rgb(203, 77, 140)"
CUT = """() => [...document.querySelectorAll("tbody td")].filter(cell => cell.checkVisibility()
  && cell.scrollWidth > cell.clientWidth + 1).map(cell => cell.cellIndex)"""
DATES = """() => [...document.querySelectorAll("tbody tr")]
  .map(row => [row.cells[0].dataset.day, row.cells[0].innerText])"""
LINES = """() => [...document.querySelector("tbody tr").cells].filter(cell => cell.checkVisibility())
  .sort((left, right) => left.getBoundingClientRect().x - right.getBoundingClientRect().x)
  .map(cell => [Math.round(cell.getBoundingClientRect().y), cell.className.trim(), cell.innerText])"""


@pytest.fixture
def several():
    """Two senders, as a store with notifications of both describes them."""
    senders.learn([as_sender(name, name.title(), "{}", [Seen(EVENT, name)]) for name in SENDERS], alone=True)
    yield
    senders.learn([])


@pytest.fixture
def draw_list(browser, several):  # noqa: ARG001 - the columns are those of several senders
    pages = []

    def run(width, sent_by=("alpha", "beta", "alpha", "beta")):
        lines = [
            Line(str(seq), [at, name.title(), EVENT, ENTITY, "ann@acme.example", WHAT, "ACME"], mark=SENDERS[name])
            for seq, (at, name) in enumerate(zip(MOMENTS, sent_by, strict=True))
        ]
        data = {
            "columns": [describe_column(column) for column in list_columns(named=True)],
            "rows": [describe_line(line) for line in lines],
            "colours": {}, "chosen": None, "main": True, "steady": "all", "alt": "", "height": 400,
            "wrap": False, "headless": False,
        }  # fmt: skip
        page = browser.new_page(viewport={"width": width, "height": 800})
        pages.append(page)
        page.set_content(f"<style>{ROOT} {read_file(BROWSER, 'table.css')}</style>{TABLE_HTML}")
        code = "".join(read_file(BROWSER, f"{name}.js") for name in ("clocks", "table"))
        page.evaluate(DRAW, [f"data:text/javascript,{quote(code)}", data])
        return page

    yield run
    for page in pages:
        page.close()


ALL = ["Received (UTC)", "Sender", "Event", "Entity", "Actor", "What changed", "Account"]


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (1_600, ALL),
        (1_230, ALL[:-1]),
        (1_100, [ALL[0], *ALL[2:-1]]),
        (669, [ALL[0], "Event", "Entity", "What changed"]),
    ],
)
def test_whole_columns_go_from_the_right_and_what_changed_stays_and_no_name_is_cut(draw_list, width, heads):
    page = draw_list(width)
    assert page.evaluate(HEADS) == heads
    assert page.locator("table.stacks").count() == 0
    assert set(page.evaluate(CUT)) == {5}, "nothing but the long sentence"
    assert page.evaluate(MARKS) == [["Alpha", BLUE], ["Beta", PINK]] * 2


def test_where_all_in_view_are_of_one_sender_it_has_no_column_and_comes_with_the_second(draw_list):
    page = draw_list(1_600, ["alpha"] * 4)
    assert page.evaluate(HEADS) == [head for head in ALL if head != "Sender"]


def test_times_of_today_are_times_and_a_date_stands_where_the_day_changes(draw_list):
    page = draw_list(1_230)
    yesterday = f"{MOMENTS[2]:%A}, {MOMENTS[2].day} {MOMENTS[2]:%B %Y}"
    assert page.evaluate(DATES) == [[None, "12:00:00"], [None, "11:00:00"], [yesterday, "12:00:00"], [None, "11:00:00"]]
    assert page.locator("tbody td").first.get_attribute("title") == f"{NOON:%Y-%m-%d %H:%M:%S} UTC"


@pytest.mark.parametrize("width", take_few([390, 320], 1))
def test_on_a_phone_a_row_has_two_lines_time_and_name_then_event_and_what_changed(draw_list, width):
    cells = draw_list(width).evaluate(LINES)
    lines = sorted({top for top, _, _ in cells})
    first = [text for top, _, text in cells if top < lines[0] + 20]
    assert first[0] == "12:00:00"
    assert ENTITY in first
    assert [text for top, _, text in cells if top >= lines[0] + 20] == [EVENT, WHAT.strip()]
