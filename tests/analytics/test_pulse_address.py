"""The dashboard's address that tells how the store is: it answers whatever the store does, and only its own pages."""

import re
import time
from importlib.resources import files

import pytest
import urllib3

from analytics.client.pulse import ANSWER_SECONDS, PAUSE_SECONDS
from tests.support.browsing import a_dashboard
from tests.support.processes import PreparedReceiver, running, stopped
from tests.support.slow_store import a_slow_store
from tests.support.waiting import until

PAGE = files("analytics.pages.shared.browser").joinpath("pulse.js").read_text(encoding="utf-8")
SECONDS = int(re.search(r"ANSWER_MS = (\d+)", PAGE)[1]) / 1000
"""A page waits so long for an answer."""
LATEST = PAUSE_SECONDS + ANSWER_SECONDS
"""So long may the latest answer of a store that hangs lie back."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A receiver, what holds its queries back, and the dashboard's address behind that."""
    data_dir = tmp_path_factory.mktemp("pulse") / "data"
    with (
        running(PreparedReceiver, data_dir, CLC_HANG_SECONDS="3600") as receiver,
        a_slow_store(receiver.query_url) as slow,
        a_dashboard(data_dir, slow.url) as url,
    ):
        yield receiver, slow, f"{url}/pulse"


def told(address):
    """Ask once, as a page does: in its time, or the test fails."""
    answer = urllib3.request("GET", address, retries=False, timeout=SECONDS)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()["silence"]


def seen(address):
    """Ask once; return what is told, and between which two moments the silence began by its age."""
    asked = time.time()
    silence = told(address)
    return silence and (silence, asked - silence["age"], time.time() - silence["age"])


def says_since_when(address, began, *, slow):
    """Wait until it says that the store is silent or slow, and see that the moment from which on it is so stays."""
    first, earliest, latest = until(lambda: seen(address), what="a word of the store")
    # It answered last some time before it was stopped, or the query that waits was asked some time after.
    assert began - LATEST < latest
    assert first["age"] >= 0
    later, *then = until(lambda: (now := seen(address))[0]["age"] > first["age"] + 1 and now, what="an age that counts")
    assert max(earliest, then[0]) <= min(latest, then[1])
    assert first["slow"] is later["slow"] is slow
    return later["reason"]


@pytest.mark.full
def test_while_the_store_hangs_it_answers_in_time_says_since_when_and_then_that_all_is_well(place):
    receiver, _, address = place
    until(lambda: told(address) is None, what="a store that answers")
    began = time.time()
    with stopped(receiver.children()["store"]):
        reason = says_since_when(address, began, slow=False)
        assert "takes connections, but has not answered" in reason
    until(lambda: told(address) is None, what="a store that answers again")


@pytest.mark.full
def test_while_the_store_holds_queries_back_it_answers_in_time_and_says_since_when(place):
    _, slow, address = place
    until(lambda: told(address) is None, what="a store that answers")
    began = time.time()
    slow.lets_through.clear()
    try:
        reason = says_since_when(address, began, slow=True)
    finally:
        slow.lets_through.set()
    assert reason.startswith("It answers, but the smallest query takes longer")
    until(lambda: told(address) is None, what="a store that is slow no more")


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Host": ""}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
def test_under_another_host_and_to_pages_of_others_it_tells_nothing(place, headers):
    *_, address = place
    answer = urllib3.request("GET", address, headers=headers, retries=False)
    assert answer.status in (400, 403)
    assert b"silence" not in answer.data
    assert told(address) is None


def test_its_answers_forbid_frames_and_guessed_types(place):
    *_, address = place
    headers = urllib3.request("GET", address, retries=False).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
