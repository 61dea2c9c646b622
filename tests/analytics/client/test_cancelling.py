"""Queries that can be cancelled, at a query service."""

import socket
import ssl

import pytest

import analytics
from analytics.client import cancelling
from analytics.errors import BusyError, CancelledError
from tests.analytics.client.scripted_service import refusal, run_service


def test_one_connection_serves_queries_that_can_be_cancelled_also_after_an_error_or_a_late_cancellation(monkeypatch):
    monkeypatch.setattr(cancelling, "KEPT_SECONDS", 600)
    with run_service() as service, analytics.connect(service.url) as client:
        service.script.append(refusal(429, "busy", "Later."))
        with pytest.raises(BusyError):
            client.sql("SELECT 1", cancellation=analytics.Cancellation())
        client.sql("SELECT 1", cancellation=(late := analytics.Cancellation()))
        late.cancel()
        client.sql("SELECT 1", cancellation=analytics.Cancellation())
    assert len({address for _, _, address in service.asked}) == 1


def test_a_cancellation_breaks_off_a_connection_that_served_a_query_before():
    cancellation = analytics.Cancellation()
    with run_service() as service, analytics.connect(service.url) as client:
        client.sql("SELECT 1", cancellation=analytics.Cancellation())
        cancellation.cancel()
        with pytest.raises(CancelledError):
            client.sql("SELECT 1", cancellation=cancellation)
        client.sql("SELECT 1", cancellation=analytics.Cancellation())
    assert len({address for _, _, address in service.asked}) == 2


def test_a_connection_that_something_between_may_have_dropped_is_not_used_again(monkeypatch):
    monkeypatch.setattr(cancelling, "KEPT_SECONDS", -1)
    with run_service() as service, analytics.connect(service.url) as client:
        for _ in range(2):
            client.sql("SELECT 1", cancellation=analytics.Cancellation())
    assert len({address for _, _, address in service.asked}) == 2


def test_a_connection_that_is_broken_off_keeps_its_tls_so_that_no_request_goes_out_in_clear_text():
    here, there = socket.socketpair()
    tls = ssl.create_default_context()
    with there, tls.wrap_socket(here, server_hostname="store.example", do_handshake_on_connect=False) as encrypted:
        cancelling.hang_up(encrypted)
        with pytest.raises(ssl.SSLError):
            encrypted.send(b"POST /query HTTP/1.1")
