"""The outcome of the SQL page's query: a table or a chart, and files, or the error and its place.

From a chosen row, ways lead to the notification and the entity that it names.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import streamlit as st

from analytics.charts.choice import KINDS, ChartKind, Choice, classify_columns, fit_choice, list_measures
from analytics.charts.quick_chart import draw
from analytics.errors import (
    AnalyticsError,
    CancelledError,
    NotRunningError,
    QueryTimeoutError,
    TooManyBytesError,
    TooManyRowsError,
)
from analytics.export import downloads
from analytics.export.sql_formats import list_values
from analytics.pages.shared import address, going
from analytics.pages.shared.components import bring, draw_age_line, draw_chart, draw_text
from analytics.pages.shared.formatting import find_viewer_zone
from analytics.pages.shared.frame import is_dark
from analytics.pages.shared.open_item import is_uuid
from analytics.pages.shared.search import find_numbers
from analytics.pages.shared.store import ask
from analytics.pages.sql.editor import ErrorPlace, find_place
from analytics.pages.sql.run import ANSWER_BYTES, LET_GO, MEBIBYTE, Run, format_duration, open_cache
from analytics.senders import as_words, find_icon, find_kind_of
from analytics.text import as_markdown, format_count, make_visible, shorten

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

NOTIFICATION = ("notification_id", "id", "seq")
"""The columns that name a notification, the surest first; in `rejected` an `id` names a refused one."""
ENTITY = ("category", "entity_id")
NAMING = {*NOTIFICATION, *ENTITY, "sender"}
DURATION = st.column_config.NumberColumn(format="localized")
WITH_ALL_DIGITS = st.column_config.NumberColumn(format="%g")
"""The form of numbers with a fraction: without one they are rounded to four digits after the point, or to one digit."""
LIGHT_ON_PAPER = "<style>@media print { .st-key-sql-rows canvas { filter: invert(1) hue-rotate(180deg); } }</style>"
"""The table is a picture in the colours of the viewer's theme, which no style sheet sees."""
SHOWS = ("Table", "Chart")
TALLEST = 560
ROW_PIXELS = 31
FILES: dict[str, tuple[Callable[[Any], bytes], str, str]] = {
    "CSV": (downloads.make_csv, "csv", "text/csv"),
    "Parquet": (downloads.make_parquet, "parquet", "application/vnd.apache.parquet"),
    "JSON lines": (downloads.make_jsonl, "jsonl", "application/x-ndjson"),
}


class Named(NamedTuple):
    """What a row names: a notification by id or number, and an entity; None where it names none."""

    notification: str | None
    category: str | None = None
    entity: str | None = None
    sender: str | None = None


def describe_leads(columns: list[str]) -> str | None:
    """Return what the rows of these columns lead to; None where they lead nowhere."""
    whats = ["notification"] if any(name in columns for name in NOTIFICATION) else []
    whats += ["entity"] if all(name in columns for name in ENTITY) else []
    return " or ".join(whats) or None


def describe_missing(columns: list[str]) -> str | None:
    """Return the columns that rows lack to lead to what they seem to name, in a sentence; None where they lack none."""
    if "entity_id" in columns and "category" not in columns:
        return "With the column `category` too, a row leads to its entity."
    if describe_leads(columns) is None and any(name.lower().endswith("id") for name in columns):
        return "A row leads to its notification by `seq` or `id`, and to its entity by `category` and `entity_id`."
    return None


def read_row(table: "pa.Table", position: int) -> dict[str, Any]:
    """Return what a row has in the columns that name something; others may have values that Python can't represent."""
    columns = zip(table.column_names, table.columns, strict=True)
    return {name: list_values(column.slice(position, 1))[0] for name, column in columns if name in NAMING}


def read_named(row: Mapping[str, Any]) -> Named:
    """Return what a row names, by its columns."""
    values = {name: None if value is None else str(value) for name, value in row.items()}
    notification = next((values[name] for name in NOTIFICATION if values.get(name)), None)
    category, entity = (values.get(name) for name in ENTITY)
    if not (category and entity):
        return Named(notification)
    return Named(notification, category, entity, values.get("sender"))


def draw_leads(table: "pa.Table", position: int | None) -> None:
    """Draw the ways from the row at a position, or say how a row is chosen."""
    whats = describe_leads(table.column_names)
    if position is None or position >= table.num_rows:
        missing = describe_missing(table.column_names)
        st.caption(" ".join(filter(None, (f"Click a row to open its {whats}.", missing))))
        return
    named = read_named(read_row(table, position))
    st.caption(f"Row {position + 1:,}:", width="content")
    if named.notification:
        lead_to_notification(named.notification)
    if named.category and named.entity:
        label = as_markdown(f"{as_words(find_kind_of(named.category), named.sender)} {shorten(named.entity, 60)}")
        st.button(
            label, key="sql-to-entity", icon=find_icon(named.category, named.sender), on_click=going.to_entity,
            args=(named.category, named.entity), kwargs={"sender": named.sender},
        )  # fmt: skip


def lead_to_notification(name: str) -> None:
    """Draw the way to the notification with an id or a number, or say that there is none."""
    key, icon = "sql-to-notification", ":material/list_alt:"
    if numbers := find_numbers(name, by_part=False):
        label = f"Notification {numbers[0]:,}"
        st.button(label, key=key, icon=icon, on_click=going.to_notification, args=(numbers[0],))
    elif is_uuid(name) and len(ask("rejection", id=name)):
        st.button("Refused notification", key=key, icon=icon, on_click=going.to_refused, args=(name,))
    else:
        st.caption(f"No notification is named {as_markdown(shorten(name, 40))}.", width="content")


def find_error_place(run: Run) -> ErrorPlace | None:
    """Return the place of a query's error in its SQL."""
    if run.error is None or isinstance(run.error, (CancelledError, NotRunningError, QueryTimeoutError)):
        return None
    return find_place(run.sql, str(run.error))


def draw_results(run: Run) -> None:
    """Draw the outcome of a query that has ended."""
    table = run.table
    if table is None:
        draw_error(run)
        return
    with st.container(key="sql-head", horizontal=True, vertical_alignment="center", gap="small"):
        show = choose_show() if table.num_rows else "Table"
        if table.num_rows:
            draw_files(run, table.num_rows)
        with st.container(key="sql-outcome", width="stretch"):  # last, because it gets wider as it ages
            draw_age_line(
                f"{format_count(table.num_rows, 'row')} in {format_duration(run.elapsed)}, run ", run.at, key="sql-ran"
            )
    if not table.num_rows:
        with st.container(key="nothing", border=True):
            st.caption("The query ran and returned no rows.")
    elif table.column_names == ["explain_key", "explain_value"]:
        draw_plan(table)
    elif show == "Chart" and (choice := choose_chart(table)):
        draw_chart_and_choices(table, choice)
    else:
        draw_rows(run, table)


def choose_show() -> str:
    """Draw the choice between table and chart, and return it."""
    named = address.get("show")
    value = named if named in SHOWS else SHOWS[0]
    address.show("sql-show", value)

    def remember() -> None:
        chosen = st.session_state["sql-show"]
        address.put(show=None if chosen == SHOWS[0] else chosen)
        bring("sql-results", only_on_phone=True)

    st.segmented_control(
        "Show", SHOWS, key="sql-show", required=True, on_change=remember, label_visibility="collapsed", width="content"
    )
    return value


def make_file(run: Run, make: Callable[[Any], bytes]) -> bytes:
    """Make a file of a query's rows.

    Raises:
        AnalyticsError: the rows were dropped.
    """
    with open_cache().making_file:
        table = run.table
        if table is None:
            raise AnalyticsError(LET_GO)
        return make(table)


def draw_files(run: Run, number_of_rows: int) -> None:
    """Draw the downloads; each file is made on its click."""
    with st.container(key="sql-files", horizontal=True, gap="small", width="content"):
        for name, (make, suffix, mime) in FILES.items():
            st.download_button(
                name,
                data=lambda make=make: make_file(run, make),  # type: ignore[misc]  # the default holds this turn's
                file_name=f"clc-query-{run.number}.{suffix}",
                mime=mime,
                key=f"sql-file-{suffix}",
                on_click="ignore",
                icon=":material/download:",
                help=f"All {format_count(number_of_rows, 'row')} as {name}",
            )


def draw_rows(run: Run, table: "pa.Table") -> None:
    """Draw the first rows, their number of all, and the ways from a chosen row where the rows lead somewhere."""
    frame = run.prepare_frame(table)
    if len(frame) < table.num_rows:
        st.caption(f"The first {len(frame):,} of {table.num_rows:,} rows. The files hold all of them.")
    key = f"sql-rows-{run.number}"
    if leads_somewhere := describe_leads(table.column_names) is not None:
        # Above the rows, where it is in sight and moves nothing.
        with st.container(key="sql-leads", horizontal=True, vertical_alignment="center", gap="small"):
            draw_leads(table, read_chosen(key))
    elif missing := describe_missing(table.column_names):
        with st.container(key="sql-leads"):
            st.caption(missing)
    with st.container(key="sql-rows"):
        if is_dark():
            st.html(LIGHT_ON_PAPER)
        st.dataframe(
            frame,
            key=key,
            height=min(TALLEST, (len(frame) + 1) * ROW_PIXELS + 3),
            row_height=ROW_PIXELS,
            hide_index=True,
            placeholder="NULL",
            column_config=choose_forms(frame),
            alt="Rows of the query",
            on_select="rerun" if leads_somewhere else "ignore",
            selection_mode="multi-cell",
        )


def choose_forms(frame: "pd.DataFrame") -> dict[str, Any]:
    """Return the forms of columns that need another one than a browser's table chooses, by their names."""
    kinds = {"m": DURATION, "f": WITH_ALL_DIGITS}
    return {str(name): kinds[kind.kind] for name, kind in frame.dtypes.items() if kind.kind in kinds}


def read_chosen(key: str) -> int | None:
    """Return the position of the first row in which cells are chosen."""
    cells = st.session_state[key].selection.cells if key in st.session_state else []
    return min((row for row, _ in cells), default=None)


def draw_plan(table: "pa.Table") -> None:
    """Draw DuckDB's plan of a query."""
    for place, text in enumerate(table.column("explain_value").to_pylist()):
        draw_text(make_visible(str(text), keep="\n"), key=f"plan-{place}", alt="Plan of the query", wrap=False)


def choose_chart(table: "pa.Table") -> Choice | None:
    """Return the chart of the address as far as these columns can make it; None if they make none."""
    kind, x, y, colour = (address.get(name) for name in ("chart", "x", "y", "colour"))
    return fit_choice(Choice(cast("ChartKind", kind), x or "", y, colour), table)


def draw_chart_and_choices(table: "pa.Table", choice: Choice) -> None:
    """Draw the chart and its choices."""
    with st.container(key="sql-chart", border=True):
        draw_choices(table, choice)
        quick = draw(table, choice, zone=find_viewer_zone(), dark=is_dark())
        if quick.chart is not None:
            draw_chart(quick.chart, key="sql-drawn")
        for note in quick.notes:
            st.caption(as_markdown(note))


def draw_choices(table: "pa.Table", choice: Choice) -> None:
    """Draw the choices of a chart."""
    columns = classify_columns(table)
    measures = list_measures(columns)
    kind, x, y, colour = st.columns(4, gap="small")
    with kind:
        pick("Kind", KINDS, choice.kind, "chart", choice, format_func=str.title)
    with x:
        pick("X axis", list(columns), choice.x, "x", choice)
    with y:
        pick("Value", measures, choice.y, "y", choice, without="number of rows", disabled=choice.kind == "histogram")
    with colour:
        pick("Colour", list(columns), choice.colour, "colour", choice, without="one colour")


def pick(
    label: str,
    options: Any,
    value: str | None,
    name: str,
    choice: Choice,
    *,
    without: str | None = None,
    **more: Any,
) -> None:
    """Draw one choice, which goes into the page's address together with the others."""
    key = f"sql-chart-{name}"
    address.show(key, value)

    def remember() -> None:
        now = choice._replace(**{"kind" if name == "chart" else name: st.session_state[key]})
        address.put(chart=now.kind, x=now.x, y=now.y, colour=now.colour)

    st.selectbox(
        label,
        options,
        index=None if without else 0,
        key=key,
        on_change=remember,
        placeholder=without or "",
        filter_mode="contains",
        **more,
    )


def draw_error(run: Run) -> None:
    """Draw the reason why there are no rows, and the advice."""
    error = run.error
    with st.container(key="sql-error", border=True):
        if isinstance(error, CancelledError):
            st.text(f"Cancelled after {format_duration(run.elapsed)}.")
            return
        place = find_error_place(run)
        st.error(describe_outcome(run, place), icon=":material/error:")
        if not isinstance(error, (TooManyRowsError, TooManyBytesError, QueryTimeoutError)):  # the heading says it all
            draw_text(make_visible(str(error), keep="\n").rstrip(), key="sql-error-text", alt="The error")


def describe_outcome(run: Run, place: ErrorPlace | None) -> str:
    """Return a query's error in a few words of ours."""
    if isinstance(run.error, TooManyRowsError):
        # The service may allow fewer rows than are chosen here; its sentence has the number that counts.
        return (
            f"{str(run.error).partition(':')[0]}: group them, add a LIMIT or a WHERE, or choose more rows above. "
            "`clc-analytics sql -o FILE` writes as many as the receiver's CLC_QUERY_MAX_ROWS allows (1,000,000 unless "
            "it is set), and `clc-analytics export` any number of notifications."
        )
    if isinstance(run.error, TooManyBytesError):
        return (
            f"The answer has more than {ANSWER_BYTES // MEBIBYTE} MB: ask for fewer columns or rows. "
            "`clc-analytics sql -o FILE` writes more to a file."
        )
    if isinstance(run.error, QueryTimeoutError):
        return f"Ended after {format_duration(run.elapsed)}: look at fewer rows, or choose a longer time above."
    return f"The error is at line {place.line}, column {place.column}." if place else "The query failed."
