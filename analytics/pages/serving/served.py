"""The app of `clc-analytics dashboard`: Streamlit's page, with what a browser would otherwise ask for later.

By itself, a Streamlit page finds its server by trying one address after the other, and fetches each script when it
first draws an element.
"""

import gc
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial
from importlib import import_module
from importlib.resources import files
from pathlib import Path

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from analytics.pages.pages import GUESSED, PAGES, SHOWS, find_entry_file
from analytics.pages.serving.gate import Gate, Hosts, make_policy
from analytics.pages.serving.sessions import ignore_late_requests, keep_addresses, share_locks
from analytics.pages.shared.known.marks import COOKIE, hear_cookie
from analytics.pages.shared.silence import PULSE_ADDRESS, SESSION_HEADER, describe_pulse, is_known
from analytics.settings import read_settings

STATIC = Path(str(files("streamlit"))) / "static"
SCRIPTS = "static/js"
OWN_SCRIPTS = ("blank.js", "links.js", "scroll.js", "leave.js")
"""Scripts that stand in the document itself, so that they are there before its first element."""
IMPORTED = re.compile(r"""(?:from|import)\s*["'`]\./([\w.-]+\.js)["'`]""")
ENDS_SECONDS = 3
"""The longest wait at the end of the dashboard for connections that do not close."""
SELDOM = 100
"""A full garbage collection comes after this many smaller ones; Python's default is 10."""
EVERYWHERE = ("BidiComponent", "Button", "ButtonGroup", "Html")


@cache
def make_index(name: str) -> str:
    """Return the HTML of the page at a path."""
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    names = dict.fromkeys(script for element in (*EVERYWHERE, *SHOWS.get(name, ())) for script in list_scripts(element))
    links = (
        f'<link rel="modulepreload" crossorigin fetchpriority="low" href="./{SCRIPTS}/{script}">'
        for script in names
        if script not in html
    )
    own = "".join(f"<script>{Path(__file__).with_name(script).read_text('utf-8')}</script>" for script in OWN_SCRIPTS)
    begin = f"<head>{make_address(name)}{own}"
    return html.replace("<head>", begin).replace("</head>", f"{''.join(links)}</head>")


def make_address(name: str) -> str:
    """Return the script that gives the server's address, also below the path prefix of a proxy.

    Streamlit reads the address from `window.__streamlit`; with the answer of `/_stcore/host-config` in it too, it
    connects at once.
    """
    host = {"allowedOrigins": [], "useExternalAuthToken": False}
    base = f"location.origin + location.pathname.replace(/[/]{name}$/, '')"
    return f"<script>window.__streamlit = {{BACKEND_BASE_URL: {base}, HOST_CONFIG: {json.dumps(host)}}}</script>"


def list_scripts(element: str) -> dict[str, None]:
    """Return the names of an element's script and of all its imports, each once; none where there is no such script."""
    names: dict[str, None] = {}
    waiting = [path.name for path in (STATIC / SCRIPTS).glob(f"{element}.*.js")]
    while waiting:
        if (name := waiting.pop()) not in names:
            names[name] = None
            waiting += list_imports(name)
    return names


# Pages share most of their scripts: reading them anew for each page was a second at the start of the dashboard.
@cache
def list_imports(script: str) -> list[str]:
    """Return the names of the scripts that a script imports."""
    return IMPORTED.findall((STATIC / SCRIPTS / script).read_text(encoding="utf-8"))


def serve(name: str, _: Request) -> HTMLResponse:
    """Answer with the page at a path."""
    return HTMLResponse(make_index(name), headers={"Cache-Control": "no-cache"})


def answer_pulse(request: Request) -> JSONResponse:
    """Answer with the store's state, also while every page waits for the store."""
    session = request.headers.get(SESSION_HEADER, "")
    if known := is_known(session):
        hear_cookie(session, request.cookies.get(COOKIE, ""))
    return JSONResponse({**describe_pulse(), "known": known}, headers={"Cache-Control": "no-store"})


def make_gate() -> Middleware:
    """Return the middleware that checks every request."""
    hosts = Hosts(st.get_option("server.address") or "", read_settings().dashboard_hosts)
    pages = [(STATIC / "index.html").read_text(encoding="utf-8"), *map(make_index, (*SHOWS, GUESSED))]
    return Middleware(Gate, hosts=hosts, content_policy=make_policy(pages))


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Prepare the dashboard for its viewers and for its end."""
    share_locks()
    ignore_late_requests()
    keep_addresses()
    leave_program_alone()
    end_in_time()
    yield


def leave_program_alone() -> None:
    """Import the pages, and let the garbage collector look at nothing of the program, and seldom at what lasts.

    By itself, it goes through all of it every ten seconds while somebody clicks, and a click waits for it: some 0.15 s
    because of the program, and 0.3 s because of the findings of a large store.
    """
    for page in PAGES:
        import_module(f"analytics.pages.{page.package}.page")
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], SELDOM)


def end_in_time() -> None:
    """Let no connection hold up the end of the dashboard.

    By itself, uvicorn waits without end for browsers that do not read, and for connections that came at the moment of
    the signal. Streamlit starts it with no setting for that, so its settings are found by its signal handler.
    """
    listener = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if isinstance(config := getattr(listener, "config", None), uvicorn.Config):
        config.timeout_graceful_shutdown = ENDS_SECONDS


app = st.App(
    find_entry_file(),
    lifespan=lifespan,
    routes=[
        *(Route(f"/{name}", partial(serve, name)) for name in (*SHOWS, GUESSED)),
        Route(f"/{PULSE_ADDRESS}", answer_pulse),
    ],
    middleware=[make_gate()],
)
