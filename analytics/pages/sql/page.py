"""The page SQL: the user's own questions to the store, beside its tables and example queries.

A box shows how other programs connect to the same store: its address, the file of its token, and lines to copy.
"""

import shlex
from typing import Any

import streamlit as st

from analytics.errors import QueryError
from analytics.pages.shared import address
from analytics.pages.shared.components import bring, draw_bringing, register_script
from analytics.pages.shared.frame import draw_page
from analytics.pages.shared.known.memory import read_memory
from analytics.pages.shared.known.waiting import await_answer
from analytics.pages.shared.store import open_connection
from analytics.pages.sql import editor
from analytics.pages.sql import run as _sql_run
from analytics.pages.sql.results import draw_results, find_error_place
from analytics.pages.sql.run import Limits, Run, list_past
from analytics.pages.sql.schema import list_completions
from analytics.pages.sql.side import draw_side
from analytics.settings import Settings, read_settings
from analytics.text import as_markdown

LINKED = "_sql_linked"
FROM_OUTSIDE = "_sql_from_outside"
TOO_LONG = "_sql_too_long"
ASKED = "_sql_asked"
"""The number of the query that was run from the editor, until its result is brought in sight."""
SECONDS = (5, 10, 30, 60, 300, 900, 3600)
ROWS = {f"At most {number:,} rows": number for number in (1_000, 10_000, 100_000, 1_000_000)}
"""The choices of the most rows by name."""
DEFAULT_ROWS = 100_000
AT_ONCE_SECONDS = 0.25
FIRST = """\
-- Notifications of the last 24 hours by event type.
SELECT event_type, count(*) AS notifications
FROM events
WHERE received_at > now() - INTERVAL 1 DAY
GROUP BY event_type
ORDER BY notifications DESC
"""
EXAMPLE = "SELECT count(*) FROM events"
CUT_LINK = "The query of this link can't be read, because a part of the link is missing: ask for the whole link."


def show() -> None:
    """Draw the page."""
    draw_page(
        "SQL",
        "Ask the store anything that one SELECT can. Nothing that runs here changes it.",
        draw_elsewhere,
        draw_body,
        refresh=None,
    )


def draw_body() -> None:
    """Draw the editor, the query's outcome, and the side panel."""
    left, right = st.columns([7, 3], gap="medium")
    with left:
        limits = Limits(read_longest(), read_most_rows())
        follow_address(limits)
        keep_view()
        run = _sql_run.read_run()
        if run and run.running:
            run.wait(AT_ONCE_SECONDS)
        if run and not run.running:
            _sql_run.note_run(run)
            bring_result(run)
        draw_bringing()
        editor.draw_editor(
            load_completion(), make_state(run), list_past(), lambda sql, chart: ask(sql, chart, limits), _sql_run.cancel
        )
        with st.container(key="sql-limits", horizontal=True, gap="small"):
            draw_limits()
        if warning := read_memory().get(TOO_LONG):
            st.caption(as_markdown(warning))
        with st.container(key="sql-results"):
            draw_outcome(run)
    with right:
        try:
            draw_side()
        except QueryError as error:
            st.caption(as_markdown(f"The tables can't be listed now: try again in a moment. {error}"))


def load_completion() -> dict[str, Any]:
    """Return the words that the editor completes; none while the store can't be asked."""
    try:
        return list_completions()
    except QueryError:
        return {"id": "", "tables": [], "functions": []}


def follow_address(limits: Limits) -> None:
    """Show and run the SQL of the address, where it differs from the last.

    The SQL of a session's first address does not run by itself: any page on the web may have sent the browser here.
    Later addresses are the viewer's own, by Back and Forward or by a click on a page of the dashboard.
    """
    linked = read_linked()
    if FROM_OUTSIDE not in st.session_state:
        st.session_state[FROM_OUTSIDE] = linked if address.read_first_page() == "SQL" else None
    if linked and linked != st.session_state.get(LINKED):
        read_memory().pop(TOO_LONG, None)
        editor.set_text(linked)
        if linked != st.session_state[FROM_OUTSIDE]:
            _sql_run.start(linked, limits)
        st.session_state[LINKED] = linked  # last, because Streamlit may end a drawing at any step
    elif not editor.has_text():
        editor.set_text(FIRST)


def read_linked() -> str:
    """Return the SQL of the address; an empty text where it has none that can be read."""
    return (editor.read_address(address.get("sql"), address.get("packed")) or "").replace("\r\n", "\n")


def keep_view() -> None:
    """Let the link of the top bar lead back to this query and its chart."""
    register_script("carry")(key="carry", data={"kept": {"sql": address.read_values()}}, height=1)


def ask(sql: str, chart: dict[str, str | None], limits: Limits) -> None:
    """Run the editor's SQL, and put it into the address, with the chart that was kept with it."""
    if not sql.strip():
        return
    st.session_state[FROM_OUTSIDE] = None
    try:
        address.put(**editor.in_address(sql), **chart)
        read_memory().pop(TOO_LONG, None)
    except editor.TooLongError as error:
        read_memory()[TOO_LONG] = str(error)
        address.put(sql=None, packed=None)
    st.session_state[LINKED] = sql
    read_memory()[ASKED] = _sql_run.start(sql, limits).number


def bring_result(run: Run) -> None:
    """Let a phone scroll to the result of the query that was just run from the editor, once."""
    if run.number == read_memory().get(ASKED):
        read_memory().pop(ASKED, None)
        bring("sql-results", only_on_phone=True)


def make_state(run: Run | None) -> editor.EditorState:
    """Return a query's state for the editor."""
    if run is None:
        return editor.EditorState(running=False, run=0, elapsed=0)
    error = None
    if not run.running and (place := find_error_place(run)):
        start, end = place.as_utf16(run.sql)
        error = {"from": start, "to": end, "message": str(run.error), "run": run.number}
    return editor.EditorState(run.running, run.number, run.elapsed, error)


def draw_outcome(run: Run | None) -> None:
    """Draw the outcome of the query, or wait for it."""
    if run is None and st.session_state[FROM_OUTSIDE]:
        with st.container(key="sql-linked"):
            st.info("This query came with a link. Read it, then press **Run**.", icon=":material/link:")
    elif run is None and address.get("packed") and not read_linked():
        with st.container(key="sql-linked"):
            st.warning(CUT_LINK, icon=":material/link_off:")
    elif run is None:
        st.caption("Run the query to see its rows here. The page's address then becomes a link to it.")
    elif run.running:
        st.caption("The query is running. You can use the rest of the page meanwhile.")
        await_answer("query", has_ended)
    else:
        draw_results(run)


def has_ended() -> bool:
    """Say whether no query is running."""
    run = _sql_run.read_run()
    return run is None or not run.running


def list_seconds() -> dict[str, float]:
    """Return the choices of the longest time by name, up to the query service's own."""
    most = read_settings().query_timeout_seconds
    choices = [float(seconds) for seconds in SECONDS if seconds < most] + [most]
    return {f"Stop after {seconds:g} s": seconds for seconds in choices}


def read_longest() -> float:
    """Return the chosen longest time of a query, in seconds."""
    choices = list_seconds()
    return choices.get(st.session_state.get("stop", ""), max(choices.values()))


def read_most_rows() -> int:
    """Return the chosen most rows of a query."""
    return ROWS.get(st.session_state.get("most", ""), DEFAULT_ROWS)


def draw_limits() -> None:
    """Draw the choices of the longest time and the most rows."""
    choices = list(list_seconds())
    last = len(choices) - 1
    st.selectbox("Longest time", choices, index=last, key="stop", label_visibility="collapsed", width=170)
    default = list(ROWS.values()).index(DEFAULT_ROWS)
    st.selectbox("Most rows", list(ROWS), index=default, key="most", label_visibility="collapsed", width=210)


def describe_python(location: str | None = None) -> str:
    """Return the lines for Python; without a location they find the receiver by its settings."""
    argument = "" if location is None else repr(location)
    return f'from analytics import connect\n\nwith connect({argument}) as client:\n    frame = client.df("{EXAMPLE}")'


def describe_curl(url: str, settings: Settings) -> str:
    """Return the command that asks by HTTP; the token itself is not in it."""
    from_file = f"$(cat {shlex.quote(str(settings.token_file.absolute()))})"
    from_where = "$CLC_QUERY_TOKEN" if settings.query_token else from_file
    lines = [
        f"curl -X POST {url}/query -o answer.arrow",
        f'-H "Authorization: Bearer {from_where}"',
        '-H "Content-Type: application/json"',
        f"""-d '{{"sql": "{EXAMPLE}"}}'""",
    ]
    return " \\\n  ".join(lines)


def describe_variables(settings: Settings) -> str:
    """Return the command that sets the variables by which programs find the receiver."""
    data_dir = shlex.quote(str(settings.data_dir.absolute()))
    return f"export CLC_DATA_DIR={data_dir} CLC_QUERY_LISTEN={settings.query_listen}"


def draw_elsewhere() -> None:
    """Draw a closed box with what other programs need."""
    with st.popover("Connect from elsewhere", icon=":material/link:", width="content", key="elsewhere"):
        location = open_connection().client.location
        if not location.startswith(("http://", "https://")):
            st.caption(f"The rows come from the file {as_markdown(location)}.")
            st.code(describe_python(location), language="python")
            return
        settings = read_settings()
        token = "`CLC_QUERY_TOKEN`" if settings.query_token else f"`{settings.token_file.absolute()}`"
        st.markdown(f"The query service is `{location}`. Its token is in {token}, on the receiver's machine.")
        st.markdown("**Python**, and the variables by which it finds the receiver")
        st.code(describe_variables(settings), language="bash")
        st.code(describe_python(), language="python")
        st.markdown("**Jupyter**, after the same variables")
        st.code("jupyter lab notebooks/activity.ipynb", language="bash")
        st.markdown("**HTTP**: the answer is an Arrow stream")
        st.code(describe_curl(location, settings), language="bash")
