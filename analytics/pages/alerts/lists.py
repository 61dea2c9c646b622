"""The lists of the page Alerts: present alarms, flapping metrics, and all alarms."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pandas as pd

from analytics.charts.alarms import format_metric, format_span
from analytics.findings.rule_headers import COLOURS
from analytics.pages.shared import going
from analytics.pages.shared.accounts import label_account, load_accounts
from analytics.pages.shared.answers import read_now
from analytics.pages.shared.components import Age, Cell, Column, Line, Tone, draw_table
from analytics.pages.shared.filters import title_accounts
from analytics.pages.shared.formatting import format_local, format_reading, format_utc, format_with_zone
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.leafing import LASTING, NEWEST_FIRST, ListPage, draw_leafing, read_page
from analytics.pages.shared.store import ask, list_rows, null_to_none, to_moment
from analytics.senders import choose_alert_colour, label_alerts, list_alert_senders, list_alerts
from analytics.text import shorten

PAGE_ROWS = 50
LIST_PIXELS = 330
FEW = 10
A_MINUTE = timedelta(minutes=1)
LASTS, ENDED = "lasts", "ended"


class ListPart(NamedTuple):
    """A page of a list with its rows, and the list's name in the address."""

    name: str
    page: ListPage
    rows: pd.DataFrame


def turn_to(name: str, rows: pd.DataFrame) -> ListPart:
    """Return the page of a list that the address names, from the rows of the whole list."""
    page = read_page(name, len(rows), PAGE_ROWS)
    return ListPart(name, page, rows.iloc[page.first : page.end])


def list_in_alarm_columns() -> tuple[Column, ...]:
    """Return the columns of the present alarms."""
    return (
        Column("Since", "6.4rem", opens=True, time=True, days=True),
        Column(label_alerts(), "50%", opens=True, names=True),
        Column("Alarm", "15rem", says=True),
        Column("Began", "8rem"),
        Column(title_accounts(), "50%", opens=True, rank=1),
    )


def list_flapping_columns() -> tuple[Column, ...]:
    """Return the columns of the flapping metrics."""
    return (
        Column(label_alerts(), "100%", opens=True, names=True),
        Column("Metric", "5.4rem"),
        Column("Alarms", "4.7rem", align="right"),
        Column("Total time", "7.4rem", align="right"),
        Column("Latest", "11.5rem", opens=True, time=True),
    )


def list_alarm_columns(*, days: bool) -> tuple[Column, ...]:
    """Return the columns of all alarms; `days` says whether these are in order of time."""
    return (
        Column("Began", "6.4rem" if days else "11.5rem", opens=True, time=True, days=days),
        Column(label_alerts(), "100%", opens=True, names=True),
        Column("Alarm", "15rem", says=True),
        Column("Lasted", "9.5rem", align="right"),
        Column("Ended", "8.4rem", time=True, rank=1),
    )


def find_deleted(*frames: pd.DataFrame) -> set[str]:
    """Return the names of the deleted ones of the servers."""
    names = sorted({name for frame in frames for name in frame["server"]})
    return {name for alert in list_alerts() if names for name in ask(alert.deleted, ids=names)["entity_id"]}


def leave_deleted_out(rows: pd.DataFrame) -> pd.DataFrame:
    """Return alarms without those of deleted servers: an alert may come after the deletion."""
    return rows[~rows["server"].isin(find_deleted(rows))]


def to_alarm(row: Any, column: str = "") -> None:
    """Go to the notification that began an alarm, among those of its entity; from the column of accounts, to that."""
    if column == title_accounts() and null_to_none(row.account_alias):
        going.to_account(row.account_alias)
    elif null_to_none(row.kind) is None:
        going.to_notification(int(row.seq))
    else:
        going.to_entity(row.kind, row.server, int(row.seq))


def format_server(name: str, deleted: set[str]) -> str:
    """Return a server's name, and that it is deleted."""
    return f"{shorten(name, 60)} (deleted)" if name in deleted else shorten(name, 60)


def format_lasted(span: timedelta, *, lasts: bool) -> str:
    """Return the duration of an alarm in words; of one that still `lasts`, to the minute, because it grows."""
    whole = timedelta(minutes=span // A_MINUTE) if lasts and span >= A_MINUTE else span
    return f"{format_span(whole)} so far" if lasts else format_span(span)


def format_end(began: datetime, ended: datetime) -> str:
    """Return the end of an alarm, with its date where that is not the one on which it began."""
    begin, end = format_local(began), format_local(ended)
    return end[11:] if begin[:10] == end[:10] else end[:16]


def format_account(alias: str | None) -> str:
    """Return an account's alias and business name; empty where an alert names none."""
    if not alias:
        return ""
    names = (load_accounts().name_of(alias, sender) for sender in list_alert_senders())
    return label_account(alias, next(filter(None, names), None))


def format_alarm(row: Any) -> str:
    """Return the metric of an alarm with its reading."""
    return f"{format_metric(row.metric)} {format_reading(row.reading)}".rstrip()


def draw_rows(
    columns: Sequence[Column], shown: Mapping[str, Any], lines: Sequence[Line], *, key: str, alt: str
) -> None:
    """Draw the rows of a list; a click leads to a row's alarm."""

    def open_row(identity: str, column: str) -> None:
        if (row := shown.get(identity)) is not None:
            to_alarm(row, column)

    colours = {LASTS: COLOURS["high"][is_dark()], ENDED: choose_alert_colour(is_dark())}
    draw_table(columns, lines, key=key, alt=alt, on_open=open_row, height=LIST_PIXELS, colours=colours, short=FEW)


def draw_in_alarm_list(rows: pd.DataFrame) -> None:
    """Draw a page of the metrics in alarm."""
    part = turn_to(LASTING, rows)
    shown = {f"{row.seq} {row.metric}": row for row in list_rows(part.rows)}
    lines = []
    for identity, row in shown.items():
        began = to_moment(row.begin) or read_now()
        cells: list[Cell] = [
            began,
            shorten(row.server, 60),
            format_alarm(row),
            Age(began),
            format_account(null_to_none(row.account_alias)),
        ]
        lines.append(Line(identity, cells, LASTS))
    draw_rows(list_in_alarm_columns(), shown, lines, key="in-alarm", alt="In alarm now")
    draw_leafing(LASTING, part.page, "metric", None)


def draw_flapping_list(part: ListPart, end: datetime, deleted: set[str]) -> None:
    """Draw a page of the flapping servers and metrics of a time up to its end."""
    shown = {f"{row.server} {row.metric}": row for row in list_rows(part.rows)}
    lines = [
        Line(
            identity,
            [
                format_server(row.server, deleted),
                format_metric(row.metric),
                f"{row.times:,}",
                format_span(row.time),
                to_moment(row.last),
            ],
            LASTS if row.lasts else ENDED,
            hovers=[None, None, None, "So far: still in alarm." if row.lasts else None],
        )
        for identity, row in shown.items()
    ]
    alt = "Flapping, most alarms first"
    draw_rows(list_flapping_columns(), shown, lines, key="flapping-list", alt=alt)
    draw_leafing(part.name, part.page, "metric", end)


def draw_alarm_list(part: ListPart, end: datetime, deleted: set[str], words: Sequence[str]) -> None:
    """Draw a page of the alarms of a time up to its end; `words` are those for the ways to other pages."""
    shown = {f"{row.seq} {row.metric}": row for row in list_rows(part.rows)}
    lines = []
    for identity, row in shown.items():
        began, ended = to_moment(row.begin) or read_now(), to_moment(row.end)
        cells: list[Cell] = [
            began,
            format_server(row.server, deleted),
            format_alarm(row),
            format_lasted((ended or read_now()) - began, lasts=ended is None),
            format_end(began, ended) if ended else "still in alarm",
        ]
        tones: list[Tone | None] = ["quiet"] * len(cells) if ended else [None, None, None, None, "notice"]
        hover = f"{format_with_zone(ended)}\n{format_utc(ended)}" if ended else None
        lines.append(Line(identity, cells, ENDED if ended else LASTS, tones, [None, None, None, None, hover]))
    columns = list_alarm_columns(days=words == NEWEST_FIRST)
    draw_rows(columns, shown, lines, key="alarm-list", alt="Alarms of this time range")
    draw_leafing(part.name, part.page, "alarm", end, words)
