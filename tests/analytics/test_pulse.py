"""The pulse of a store: whether it answers, and whether it answers queries soon."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from analytics.client.client import Client
from analytics.client.pulse import Pulse
from analytics.errors import NotRunningError, SilentError
from tests.support.waiting import until


class Store(Client):
    """A client of a store that can fall silent, and hold queries back."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()
        self.hears = threading.Event()
        self.hears.set()

    def probe(self, seconds: float) -> None:
        if not self.hears.wait(seconds):
            raise SilentError("It does not answer.")
        if self.error:
            raise self.error

    def sql(self, *_arguments, cancellation=None, **_options):
        cancellation.set_end(self.answers.set)
        self.answers.wait(60)


def test_a_store_that_answers_is_neither_silent_nor_slow():
    pulse = Pulse(Store())
    assert pulse.find_silence() is None
    until(lambda: pulse._query and pulse._query.ended, what="an answer")
    assert (pulse.find_silence(), pulse.find_slowness()) == (None, None)


def test_a_check_that_fails_by_itself_is_no_answer_and_goes_on_once_it_can():
    store = Store()
    pulse = Pulse(store)
    store.error = RuntimeError("can't start new thread")
    silence = until(pulse.find_silence, what="a check that failed")
    assert silence.reason == "Whether it answers can't be found out: can't start new thread."
    for _ in range(3):
        assert pulse.find_silence() is not None
    store.error = None
    until(lambda: pulse.find_silence() is None, what="an answer")


@pytest.mark.full
def test_a_store_is_slow_from_a_query_that_waits_until_one_has_its_answer_soon():
    store = Store()
    pulse = Pulse(store)
    pulse.find_silence()
    store.answers.clear()
    slow = until(pulse.find_slowness, what="a slow store")
    assert slow.slow
    assert pulse.find_silence() is None
    store.answers.set()
    until(lambda: pulse.find_slowness() is None, what="a store that is slow no more")


def test_a_silent_store_is_not_called_slow_and_says_whether_it_takes_connections():
    store = Store()
    pulse = Pulse(store)
    store.error = NotRunningError("No receiver answers.")
    assert not until(pulse.find_silence, what="a silent store").hangs
    store.error = SilentError("It does not answer.")
    until(lambda: pulse.find_silence() and pulse.find_silence().hangs, what="a store that hangs")
    until(lambda: pulse.find_slowness() is None, what="the query's end")


def test_a_silence_that_began_before_the_first_check_began_when_serve_says_and_a_later_one_at_the_last_answer():
    store, begin = Store(), datetime.now(UTC) - timedelta(minutes=3)
    store.error = NotRunningError("No receiver answers.")
    pulse = Pulse(store, lambda: begin)
    assert until(pulse.find_silence, what="a silent store").since == begin
    store.error = None
    until(lambda: pulse.find_silence() is None, what="a store that answers")
    store.error = NotRunningError("No receiver answers.")
    assert until(pulse.find_silence, what="a silent store").since > begin


@pytest.mark.full
def test_a_store_that_hangs_was_never_called_slow_as_if_it_answered():
    store = Store()
    pulse = Pulse(store)
    store.answers.clear()
    pulse.find_silence()
    until(lambda: pulse._query, what="a query under way")
    store.hears.clear()
    called_slow = []

    def silence():
        called_slow.append(pulse.find_slowness())
        return pulse.find_silence()

    until(silence, what="a silent store")
    assert not any(called_slow)
