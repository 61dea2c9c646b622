"""Who may ask the query service, and in which form."""

import json
import socket

import pytest
from prometheus_client import CollectorRegistry

from receiver.errors import SettingsError
from receiver.store.query.answers import QueryError
from receiver.store.query.request import is_cross_site, is_own_host, parse_query
from receiver.store.query.runner import QueryLimits, QueryRunner
from receiver.store.query.service import make_query_app
from tests.support.querying import LIMITS, TOKEN, refusal


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
def test_a_missing_or_wrong_token_is_refused(service, authorization):
    response = service.post("SELECT 1", headers={"Authorization": authorization})
    assert refusal(response) == (401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_of_odd_characters_is_refused_not_an_error(service):
    with socket.create_connection(("127.0.0.1", service.port)) as client:
        client.sendall(b"POST /query HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_browsers_cross_site_request_is_refused(service, headers):
    response = service.post("SELECT 1", headers=headers)
    assert refusal(response) == (403, "cross_site")
    assert refusal(service.request("GET", "/metrics", headers=headers)) == (403, "cross_site")
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


def test_a_page_of_the_services_own_address_may_ask(service):
    own = {"Origin": f"http://127.0.0.1:{service.port}", "Sec-Fetch-Site": "same-origin"}
    assert service.post("SELECT 1", headers=own).status == 200


def test_a_browser_asking_whether_it_may_is_told_no(service):
    response = service.request("OPTIONS", "/query", headers={"Access-Control-Request-Method": "POST"})
    assert refusal(response) == (405, "method_not_allowed")
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_body_that_a_form_could_send_is_refused(service, kind):
    response = service.post("SELECT 1", headers={"Content-Type": kind})
    assert refusal(response) == (415, "unsupported_media_type")


def test_a_host_name_that_is_not_the_services_is_refused(service):
    assert refusal(service.post("SELECT 1", headers={"Host": "rebound.example"})) == (403, "wrong_host")
    assert refusal(service.request("GET", "/metrics", headers={"Host": "rebound.example"})) == (403, "wrong_host")
    for host in ("localhost:8081", "[::1]:8081", "store.example"):
        assert service.post("SELECT 1", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True),
        ("LOCALHOST:8081", True),
        ("app.localhost", True),
        ("127.0.0.1:8081", True),
        ("[::1]", True),
        ("10.1.2.3:80", True),
        ("store.example:8081", True),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_addresses_loopback_names_and_configured_names_are_own_hosts(host, own):
    assert is_own_host(host, {"store.example"}) is own


def test_a_request_without_a_browsers_headers_is_not_cross_site():
    assert not is_cross_site({}, "127.0.0.1:8081")
    assert not is_cross_site({"Sec-Fetch-Site": "none"}, "127.0.0.1:8081")
    assert is_cross_site({"Origin": "http://127.0.0.1:8081.evil.example"}, "127.0.0.1:8081")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"SELECT 1",
        b"[]",
        b'"SELECT 1"',
        b"\xff",
        b"{}",
        b'{"sql": 1}',
        b'{"sql": null}',
        b'{"sql": "SELECT 1", "limit": 1}',
        b'{"sql": "SELECT 1", "parameters": "x"}',
        b'{"sql": "SELECT \\u0000 1"}',
        b'{"sql": "SELECT \'\\ud800\'"}',
        b'{"sql": "SELECT ?", "parameters": ["\\udfff"]}',
        b'{"sql": "SELECT ?", "parameters": [NaN]}',
        b'{"sql": "SELECT 1", "typed": 1}',
        b'{"sql": "SELECT ?", "typed": true, "parameters": [{"type": "DECIMAL"}]}',
        b'{"sql": "SELECT ?", "typed": true, "parameters": [{"a": 1}]}',
        b'{"sql": "SELECT ?", "typed": true, "parameters": [[{"type": "GEOMETRY", "value": "x"}]]}',
        b'{"sql": "SELECT $a", "typed": true, "parameters": {"a": {"type": "DECIMAL", "value": "many"}}}',
        b'{"sql": "SELECT ?", "typed": true, "parameters": [{"type": "DECIMAL", "value": 1.5}]}',
        b'{"sql": "SELECT ?", "typed": true, "parameters": [{"type": "STRUCT", "value": 1}]}',
        b'{"sql": "SELECT ?", "typed": true, "parameters": [{"type": ["DATE"], "value": 1}]}',
        b'{"sql": "SELECT ?", "typed": true, "parameters": [{"type": "INTERVAL", "value": 1' + b"0" * 40 + b"}]}",
        b'{"sql": "SELECT 1", "timeout": 0}',
        b'{"sql": "SELECT 1", "timeout": -1}',
        b'{"sql": "SELECT 1", "timeout": "5"}',
        b'{"sql": "SELECT 1", "timeout": true}',
        b'{"sql": "SELECT 1", "max_rows": 0}',
        b'{"sql": "SELECT 1", "max_rows": 1e999}',
        b'{"sql": "SELECT 1", "max_bytes": 0}',
        b'{"sql": "SELECT 1", "timeout": 1' + b"0" * 400 + b"}",
        b'{"sql": "SELECT ?", "parameters": [' + b"[" * 900 + b"]" * 900 + b"]}",
        b'{"sql": "SELECT ?", "parameters": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
        b'{"sql": "SELECT 1", "parameters": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_body_that_is_not_what_is_expected_says_what_is(service, body):
    response = service.request("POST", "/query", body)
    assert refusal(response) == (400, "bad_request")
    assert 'send {"sql": text' in json.loads(response.data)["detail"]


def test_limits_of_a_request_only_lower_the_services():
    parsed = parse_query(b'{"sql": "SELECT 1", "timeout": 99, "max_rows": 7}', QueryLimits(5, 10))
    assert (parsed.timeout_seconds, parsed.max_rows) == (5, 7)
    parsed = parse_query(b'{"sql": "SELECT 1", "timeout": 0.5, "max_rows": 70}', QueryLimits(5, 10))
    assert (parsed.timeout_seconds, parsed.max_rows) == (0.5, 10)
    assert parse_query(b'{"sql": "SELECT 1", "max_rows": 0.5}', QueryLimits(5, 10)).max_rows == 1
    with pytest.raises(QueryError, match="max_rows must be a number above 0"):
        parse_query(b'{"sql": "SELECT 1", "max_rows": false}', QueryLimits(5, 10))


def test_a_body_that_is_too_large_is_refused(service):
    assert refusal(service.post("SELECT 1 --" + "x" * 1024 * 1024)) == (413, "too_large")
    chunks = (b"x" * 65536 for _ in range(20))
    assert refusal(service.request("POST", "/query", chunks, chunked=True)) == (413, "too_large")


def test_other_paths_and_methods_are_refused_in_json(service):
    assert refusal(service.request("GET", "/")) == (404, "not_found")
    assert refusal(service.request("POST", "/nothing", "{}")) == (404, "not_found")
    assert refusal(service.request("GET", "/query")) == (405, "method_not_allowed")
    assert refusal(service.request("PUT", "/query", "{}")) == (405, "method_not_allowed")
    assert refusal(service.request("POST", "/healthz", "{}")) == (405, "method_not_allowed")
    assert refusal(service.request("DELETE", "/metrics")) == (405, "method_not_allowed")


def test_health_and_metrics_need_no_token(service):
    response = service.request("GET", "/healthz", headers={"Authorization": None})
    assert (response.status, response.data) == (200, b"ok")
    before = service.metric('clc_queries_total{outcome="ok"}')
    service.rows("SELECT 1")
    assert service.metric('clc_queries_total{outcome="ok"}') == before + 1
    assert service.metric("clc_query_seconds_count") >= 1


def test_an_extra_handler_is_protected_as_the_query_is(service):
    assert json.loads(service.request("POST", "/echo", "x").data) == {"got": "x"}
    assert refusal(service.request("POST", "/echo", "x", {"Authorization": None})) == (401, "unauthorized")
    assert refusal(service.request("POST", "/echo", "x", {"Origin": "null"})) == (403, "cross_site")


def test_an_empty_token_is_never_served(service):
    registry = CollectorRegistry()
    with pytest.raises(SettingsError, match="CLC_QUERY_TOKEN is empty"):
        make_query_app(QueryRunner(service.connection, LIMITS, registry), "", [], registry=registry, hosts=[])
