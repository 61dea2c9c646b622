"""Two threads may draw for one session at once, and one drawing may end another at any step: Streamlit begins a new one
while the old one still draws.
"""

import re
from pathlib import Path
from threading import Thread
from unittest.mock import Mock

import pytest
import streamlit as st
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.state import SafeSessionState, session_state_proxy
from streamlit.runtime.state.query_params import QueryParams
from streamlit.runtime.state.session_state import SessionState
from streamlit.testing.v1 import AppTest

import analytics
from analytics.pages.serving import sessions
from analytics.pages.serving.sessions import find_lock, ignore_late_requests, keep_addresses, share_locks
from analytics.pages.shared import address, answers
from analytics.pages.sql import editor
from tests.support.dashboard_app import make_app
from tests.support.readable_store import build_store


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_page_without_a_store_is_drawn_anew_once_another_drawing_of_the_session_found_it(
    tmp_path, monkeypatch, is_answered
):
    def page():
        import streamlit as st

        from analytics.pages.shared.silence import draw_gone

        if "drawn" in st.session_state:
            st.text("drawn anew")
        else:
            st.session_state["drawn"] = True
            draw_gone(None)

    location = str(build_store(tmp_path / "store.duckdb", [])) if is_answered else "http://127.0.0.1:1"
    make_app(monkeypatch, "activity", location)
    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.text[0].value == "drawn anew"


def test_the_end_of_another_drawing_takes_no_answer_from_this_one():
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


def test_a_part_ends_quietly_where_another_drawing_has_begun_and_taken_its_places():
    def page():
        import streamlit as st
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        from analytics.pages.shared.frame import draw_guarded

        def draw_part():
            # As in a part's own drawing, once the page's next one has forgotten the places of the one before.
            get_script_run_ctx().fragment_ids_this_run = ["all"]
            draw_guarded("all", None, age=age)

        st.text("above")
        age = st.container()
        st.fragment(draw_part)()

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert [shown.value for shown in app.text] == ["above"]


def test_no_drawing_removes_a_key_of_the_session_that_another_may_remove_too():
    def page():
        import streamlit as st

        from analytics.pages.shared import answers, going
        from analytics.pages.shared.known import waiting
        from analytics.times import EPOCH

        going.say("said")
        going.on_leaving("work", lambda: None)
        waiting.begin_waiting("findings", EPOCH)
        waiting.note_answered("alarms")
        with answers.keep_answers("all"):
            pass
        keys = set(st.session_state)
        going.show_said()
        going.leave_behind()
        st.text(", ".join(map(str, keys - set(st.session_state))) or "none is gone")

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert app.text[0].value == "none is gone"


def test_only_the_values_of_widgets_are_ever_removed_from_the_session():
    pages = Path(analytics.__file__).parent / "pages"
    removing = re.compile(r"del st\.session_state|session_state\.(pop|clear)\(")
    lines = [line.strip() for file in pages.rglob("*.py") for line in file.read_text("utf-8").splitlines()]
    assert [line for line in lines if removing.search(line)] == ["del st.session_state[key]"]


def test_the_values_of_widgets_may_be_removed_by_another_drawing_at_the_same_time(monkeypatch):
    class Shared(SafeSessionState):
        def __delitem__(self, key):
            super().__delitem__(key)  # the other drawing is a moment earlier
            super().__delitem__(key)

    state = SessionState()
    state[address.SHOWN[0]] = "ACME"
    monkeypatch.setattr(session_state_proxy, "get_session_state", lambda: Shared(state, lambda: None))
    address.forget_shown()
    assert address.SHOWN[0] not in state


def end_first_call(monkeypatch, module, name):
    """Let the first drawing that calls a function of a module end there, because another one begins."""
    calls, go_on = [], getattr(module, name)

    def call(*given):
        calls.append(given)
        if len(calls) == 1:
            st.rerun()
        go_on(*given)

    monkeypatch.setattr(module, name, call)
    return calls


def test_a_page_whose_first_drawing_ends_as_it_enters_is_entered_by_the_next_one(monkeypatch):
    def page():
        import streamlit as st

        from analytics.pages.shared import address

        def arrive():
            st.text("arrived")

        address.enter("Audit", arrive)
        st.text("drawn")

    calls = end_first_call(monkeypatch, address, "forget_shown")
    app = AppTest.from_function(page).run()
    assert ([shown.value for shown in app.text], len(calls)) == (["arrived", "drawn"], 2)
    assert [shown.value for shown in app.run().text] == ["drawn"]


def test_a_message_and_the_end_of_the_last_pages_work_outlive_a_drawing_that_ends_there(monkeypatch):
    def page():
        from analytics.pages.shared import answers, going
        from analytics.pages.shared.known.memory import read_memory

        if "said" not in read_memory():
            read_memory()["said"] = True
            going.say("Nothing is lost.")
            going.on_leaving("query", answers.forget)
        going.leave_behind()
        going.show_said()

    forgets = end_first_call(monkeypatch, answers, "forget")
    toasts = end_first_call(monkeypatch, st, "toast")
    assert not AppTest.from_function(page).run().exception
    assert [len(forgets), toasts] == [4, [("Nothing is lost.",)] * 2]


def test_the_query_of_an_address_is_shown_though_the_first_drawing_ends_before(monkeypatch, tmp_path):
    store = str(build_store(tmp_path / "store.duckdb", []))
    texts = end_first_call(monkeypatch, editor, "set_text")
    app = make_app(monkeypatch, "sql", store, sql="SELECT 42").run()
    assert not app.exception
    assert texts == [("SELECT 42",)] * 2


def test_a_click_in_a_list_that_streamlit_has_forgotten_opens_nothing():
    def page():
        import streamlit as st

        from analytics.pages.shared.known.memory import read_trigger

        st.text(f"opens {read_trigger('notifications', 'open')}")

    assert [shown.value for shown in AppTest.from_function(page).run().text] == ["opens None"]


def test_a_session_answers_parts_of_the_page_for_which_its_browser_asked_last_alone(monkeypatch):
    answered, session = [], Mock(spec=AppSession)
    monkeypatch.setattr(AppSession, "request_rerun", lambda _, state: answered.append(state))
    ignore_late_requests()
    first = [ClientState(), ClientState(page_script_hash="activity", fragment_id="body")]
    late = ClientState(page_script_hash="activity", fragment_id="body")
    elsewhere = [ClientState(page_script_hash="audit"), ClientState(page_script_hash="audit", fragment_id="body")]
    for state in (*first, elsewhere[0], late, elsewhere[1], None):
        AppSession.request_rerun(session, state)
    assert answered == [*first, *elsewhere, None]


def test_an_address_keeps_its_values_though_the_page_before_had_a_filter_of_their_name(monkeypatch):
    monkeypatch.setattr(QueryParams, "populate_from_query_string", QueryParams.populate_from_query_string)
    keep_addresses()
    params = QueryParams()
    params.bind_widget("entity", "field-of-audit", "string_value", "audit")
    params.bind_widget("theme", "field-of-all-pages", "string_value", "all pages")
    params.populate_from_query_string("entity=KIM&theme=dark", {"all pages", "notifications"})
    assert params.to_dict() == {"entity": "KIM", "theme": "dark"}
    assert [params.is_bound(name) for name in params] == [False, True]


def test_all_drawings_of_a_session_take_turns_at_its_state(monkeypatch):
    monkeypatch.setattr(SafeSessionState, "__init__", SafeSessionState.__init__)
    share_locks()
    state = SessionState()
    one, another, elsewhere = (SafeSessionState(each, lambda: None) for each in (state, state, SessionState()))
    reading = Thread(target=lambda: another.filtered_state, daemon=True)
    with one._lock:
        one["key"] = "value"
        reading.start()
        assert not elsewhere.filtered_state  # another session waits for nobody
        assert reading.is_alive()
    reading.join(10)
    assert not reading.is_alive()


def test_a_lock_goes_with_the_drawings_of_its_session():
    before, state = len(sessions._locks), SessionState()
    lock = find_lock(state)
    assert (find_lock(state) is lock, len(sessions._locks)) == (True, before + 1)
    del lock
    assert len(sessions._locks) == before
