"""Logs: one line an event, as text or JSON, and nothing of what was received in it."""

import json
import logging
import re
import socket
import sys
import threading

import duckdb
import pytest

from receiver.errors import StoreError
from receiver.logs import describe, set_up_logging
from receiver.settings import split_address
from receiver.spool import SpoolWriter
from tests.support.processes import Receiver
from tests.support.rows import notification
from tests.support.waiting import until

MARKER = "Zebra4711"


@pytest.fixture
def lines(capsys):
    """What was logged so far, in lines; all is as before in the end."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook, threading.excepthook
    logged = []

    def all_lines():
        logged.extend(capsys.readouterr().err.splitlines())
        return logged

    yield all_lines
    root.handlers[:], _, sys.excepthook, threading.excepthook = before
    root.setLevel(before[1])
    logging.captureWarnings(capture=False)
    for name in ("tornado.access", "tornado.general"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def own_logger():
    return logging.getLogger("receiver.anything")


def test_a_line_of_text_has_time_level_process_and_message(lines):
    set_up_logging("store")
    own_logger().info("the store is %s", "open")
    (line,) = lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO store: the store is open", line)


def test_a_json_line_has_the_fields_too(lines):
    set_up_logging("serve", "json")
    own_logger().error("listener %d ended", 1, extra={"code": -9, "child": "listener 1"})
    line = json.loads(lines()[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "error", "process": "serve", "message": "listener 1 ended", "code": -9, "child": "listener 1"
    }  # fmt: skip


def refused_by_duckdb():
    with pytest.raises(duckdb.Error, match=MARKER) as raised:
        duckdb.sql(f"SELECT '{MARKER}'::INTEGER").fetchall()
    return raised.value


@pytest.mark.parametrize(
    ("error", "described"),
    [
        (ValueError(MARKER), "ValueError"),
        (KeyError(MARKER), "KeyError"),
        (FileNotFoundError(2, "No such file or directory", "/s/a.sqlite"), "No such file or directory: '/s/a.sqlite'"),
        (StoreError("The store is shut."), "The store is shut."),
        (duckdb.IOException("IO Error: disk is full"), "IO Error: disk is full"),
    ],
)
def test_an_error_is_described_by_its_kind_unless_its_kind_quotes_nothing(error, described):
    assert describe(error).removeprefix("[Errno 2] ") == described


def test_an_error_of_duckdb_that_quotes_a_value_is_named_only(lines):
    set_up_logging("store")
    error = refused_by_duckdb()
    own_logger().error("row 7 was set aside: %s", error)
    own_logger().error(error)
    own_logger().exception("a query failed", exc_info=error)
    assert MARKER not in str(lines())
    assert lines()[0].endswith("row 7 was set aside: ConversionException")
    assert "a query failed (ConversionException; test_logs.py:" in lines()[2]
    assert len(lines()) == 3


def test_what_other_libraries_say_is_cut_down_to_what_can_not_quote(lines):
    set_up_logging("listener 1")
    logging.getLogger("tornado.application").error("Uncaught exception %s\n%r", MARKER, MARKER)
    logging.getLogger("asyncio").error("Exception in callback f(Zebra4711)", exc_info=ValueError(MARKER))
    logging.getLogger("tornado.general").info("Malformed HTTP message from %s", MARKER)
    assert MARKER not in str(lines())
    assert [line.partition("listener 1: ")[2] for line in lines()] == [
        "tornado.application: Uncaught exception %s",
        "the event loop met an error that nobody handled (ValueError; )",
    ]


def test_what_nobody_caught_is_one_line_without_its_text(lines):
    set_up_logging("store")

    def fail():
        raise ValueError(MARKER)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    sys.excepthook(ValueError, ValueError(MARKER), None)
    assert len(lines()) == 2
    assert MARKER not in str(lines())
    assert "a thread ends by an error that nobody handled (ValueError; " in lines()[0]


def test_no_log_of_a_receiver_at_work_holds_payload_or_personal_data(tmp_path):
    receiver = Receiver(tmp_path, CLC_LOG_FORMAT="json", CLC_SIGNATURES="record")
    body = json.dumps({"userName": MARKER, "emailAddress": f"{MARKER}@acme.example", "accountAlias": "ACME"}).encode()
    for path in ("/webhooks/User.Updated", f"/webhooks/{MARKER}", "/webhook/user?action=created"):
        receiver.sender.post(path, body)
        receiver.sender.post(path, body + b"}", {"X-Name": MARKER})
    with socket.create_connection(split_address(receiver.url.removeprefix("http://")), timeout=30) as connection:
        connection.sendall(f"POST /{MARKER} HTTP/9.9\r\n{MARKER}\r\n\r\n".encode())
        connection.recv(1000)
    with pytest.raises(AssertionError, match=MARKER):
        receiver.sql(f"SELECT '{MARKER}'::INTEGER")
    writer = SpoolWriter(tmp_path / "spool")
    writer.append_all([notification(payload=f'{{"userName": "{MARKER}'.encode())])
    writer.close()
    until(lambda: "was set aside" in receiver.log, what="the row that DuckDB refuses")
    assert receiver.stop() == 0
    assert MARKER.lower() not in receiver.log.lower()
    lines = [json.loads(line) for line in receiver.log.splitlines()]
    assert {line["process"] for line in lines} == {"serve", "listener 1", "store"}
    assert {line["level"] for line in lines} == {"info", "error"}
