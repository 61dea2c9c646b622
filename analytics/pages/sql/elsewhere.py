"""Shows how other programs connect to the same store: its address, the file of its token, and lines to copy."""

import shlex

import streamlit as st

from analytics.pages.shared.store import connection
from analytics.settings import Settings, read_settings
from analytics.text import as_markdown

EXAMPLE = "SELECT count(*) FROM events"


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
    with st.popover("Connect from elsewhere", icon=":material/link:", width="content"):
        location = connection().client.location
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
