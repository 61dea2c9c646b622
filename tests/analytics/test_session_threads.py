"""A session is drawn by one thread at a time: a new drawing begins when the one before has ended."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from unittest.mock import Mock

import pytest
from streamlit import config
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.script_data import ScriptData
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest

from analytics.commands.dashboard import list_streamlit_options
from analytics.pages.shared import components, store
from tests.support.waiting import until

DRAWN = []
GOES_ON = Event()
HELD = Lock()
PAGE = """
import streamlit as st
from analytics.pages.shared.store import Question, hold
from tests.analytics.test_session_threads import DRAWN, GOES_ON, HELD
DRAWN.append("begins")
try:
    if len(DRAWN) == 1:
        {wait}
    st.text("drawn")
finally:
    DRAWN.append("ends")
"""


@pytest.fixture
def draw_twice(tmp_path, monkeypatch):
    """Return a function that draws a page, which waits, and asks for its next drawing meanwhile."""
    flags = (option.removeprefix("--").split("=", 1) for option in list_streamlit_options(8501, "127.0.0.1"))
    given = {name: value == "true" for name, value in flags if name.startswith("runner.")}
    get_option = config.get_option
    monkeypatch.setattr(config, "get_option", lambda name: given[name] if name in given else get_option(name))
    monkeypatch.setattr(Runtime, "_instance", Mock())
    DRAWN.clear()
    GOES_ON.clear()

    async def draw(wait, then):
        page = tmp_path / "page.py"
        page.write_text(PAGE.format(wait=wait))
        session = AppSession(ScriptData(str(page)), Mock(), ScriptCache(), None, {})
        session.request_rerun(ClientState())
        until(lambda: DRAWN == ["begins"], what="the first drawing")
        drawing = session._scriptrunner
        session.request_rerun(ClientState())
        assert session._scriptrunner is drawing
        then()
        until(lambda: DRAWN.count("ends") == 2, seconds=10, what="the end of both drawings")
        session.shutdown()

    yield lambda wait, then: asyncio.run(draw(wait, then))
    GOES_ON.set()


def test_a_drawing_of_a_session_begins_when_the_one_before_has_ended(draw_twice):
    draw_twice("GOES_ON.wait(20)", then=GOES_ON.set)
    assert DRAWN == ["begins", "ends", "begins", "ends"]


@pytest.mark.parametrize("wait", ["Question(lambda _: GOES_ON.wait(20)).await_result()", "hold(HELD).__enter__()"])
def test_a_drawing_that_waits_ends_as_soon_as_the_next_one_is_asked_for(draw_twice, monkeypatch, wait):
    monkeypatch.setattr(store, "open_pulse", lambda: Mock(find_silence=lambda: None))
    with HELD, ThreadPoolExecutor(1) as askers:
        monkeypatch.setattr(store, "open_askers", lambda: askers)
        draw_twice(wait, then=lambda: None)
        GOES_ON.set()
    assert DRAWN == ["begins", "ends", "begins", "ends"]


def test_a_click_that_comes_together_with_a_move_to_another_page_opens_and_closes_nothing(monkeypatch):
    """Streamlit calls its function, though nothing is known of the table any more."""

    def page():
        import streamlit as st

        from analytics.pages.shared.components import Column, draw_table

        def close(*_):
            st.text("something was opened or closed")

        draw_table((Column("Name", "1rem"),), [], key="left", alt="Names", on_open=close, on_close=close)

    def click(**given):
        given["on_open_change"]()
        given["on_close_change"]()

    monkeypatch.setattr(components, "register_script", lambda *_, **__: click)
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert not app.main.children


def test_a_drawing_for_another_viewer_takes_no_answer_from_this_one():
    def page():
        from threading import Thread

        import streamlit as st
        from streamlit.runtime.scriptrunner import add_script_run_ctx

        from analytics.pages.shared.answers import answer, keep_answers

        def draw_another():
            with keep_answers("all"):
                answer("question", lambda: "of another moment")

        numbers = iter(range(9))
        with keep_answers("all"):
            other = add_script_run_ctx(Thread(target=draw_another))
            other.start()
            other.join()
            st.text(answer("question", lambda: f"answer {next(numbers)}"))
            st.text(answer("question", lambda: f"answer {next(numbers)}"))

    app = AppTest.from_function(page).run()
    assert [shown.value for shown in app.text] == ["answer 0", "answer 0"]
