"""Seen from the kernel: the spool's sync of a row comes before the first byte of the row's 200."""

import contextlib
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest

from tests.durability.support.load import BODIES
from tests.support.keys import signed
from tests.support.processes import ListenerProcess, Sender, running
from tests.support.sizes import size
from tests.support.waiting import until

CALL = re.compile(r"^(?P<thread>\d+) +(?P<name>\w+)\((?P<fd>\d+)<(?P<path>[^>]*)>(?P<rest>.*)$")
RESUMED = re.compile(r"^(?P<thread>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)$")
SYNCS = ("fsync", "fdatasync")


class Call(NamedTuple):
    """A system call: when it began and ended, as lines of the trace, on which file, with which bytes in hexadecimal."""

    name: str
    path: str
    data: str
    began: int
    ended: int
    result: int


@contextlib.contextmanager
def traced(pid: int, output: Path) -> Iterator[None]:
    """Trace what a process writes and syncs, with all its bytes, for the length of a block."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    calls = "trace=write,pwrite64,writev,pwritev,sendto,sendmsg,fsync,fdatasync"
    command = ["strace", "-f", "-q", "-y", "-xx", "-s", "1000000", "-e", calls, "-o", str(output), "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: tracer.poll() is not None or all_threads_are_traced(pid), what="strace")
        if tracer.poll() is not None:
            pytest.skip(f"strace may not attach here: {tracer.stderr.read().strip()}")
        yield
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        tracer.wait(30)
        tracer.stderr.close()


def all_threads_are_traced(pid: int) -> bool:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return all("TracerPid:\t0\n" not in (thread / "status").read_text() for thread in threads)


def calls_of(trace: str) -> list[Call]:
    """Read a trace, putting calls together that others interrupted."""
    calls: list[Call] = []
    begun: dict[str, tuple[re.Match[str], int]] = {}
    for number, line in enumerate(trace.splitlines()):
        if resumed := RESUMED.match(line):
            if resumed["thread"] in begun:
                call, began = begun.pop(resumed["thread"])
                calls.append(as_call(call, resumed["rest"], began, number))
        elif call := CALL.match(line):
            if call["rest"].endswith("<unfinished ...>"):
                begun[call["thread"]] = (call, number)
            else:
                calls.append(as_call(call, call["rest"], number, number))
    return calls


def as_call(call: re.Match[str], end: str, began: int, ended: int) -> Call:
    data = "".join(re.findall(r"\\x([0-9a-f]{2})", call["rest"]))
    found = re.search(r"= (-?\d+)[^=]*$", end)
    path = bytes.fromhex(call["path"].replace("\\x", "")).decode() if call["path"].startswith("\\x") else call["path"]
    return Call(call["name"], path, data, began, ended, int(found[1]) if found else -1)


def hexadecimal(text: str) -> str:
    return text.encode().hex()


def answers_of(calls: list[Call]) -> list[tuple[UUID, Call]]:
    """Find the 200s, each with the id that it tells."""
    ok, header = hexadecimal("HTTP/1.1 200"), hexadecimal("Notification-Id: ")
    sent = [call for call in calls if call.name.startswith(("send", "write")) and call.data.startswith(ok)]
    return [(UUID(bytes.fromhex(call.data.partition(header)[2][:72]).decode()), call) for call in sent]


def sync_of(name: UUID, calls: list[Call]) -> Call | None:
    """Find the sync that made a row last: the first, successful, on the file that had its bytes written before."""
    writes = [call for call in calls if name.bytes.hex() in call.data and ".sqlite" in call.path]
    written = min(writes, key=lambda call: call.ended, default=None)
    if written is None:
        return None
    syncs = [
        call
        for call in calls
        if call.name in SYNCS and call.path == written.path and call.began > written.ended and call.result == 0
    ]
    return min(syncs, key=lambda call: call.ended, default=None)


def post(url: str, requests: int) -> None:
    sender = Sender(url)
    for number in range(requests):
        body = BODIES[number % len(BODIES)]
        assert sender.post("/webhooks/User.Updated", body, signed(body)).status == 200


@pytest.mark.parametrize("clients", [1, 12], ids=["one at a time", "several a commit"])
def test_the_sync_of_a_row_ends_before_its_answer_begins(tmp_path, capsys, clients):
    requests, trace = size(20, 200), tmp_path / "trace"
    with running(ListenerProcess, tmp_path / "data") as listener:
        with traced(listener.process.pid, trace):
            threads = [threading.Thread(target=post, args=(listener.url, requests)) for _ in range(clients)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        spooled = {row.id for row in listener.spooled()}
    calls = calls_of(trace.read_text())
    answers = answers_of(calls)
    assert {name for name, _ in answers} == spooled
    assert len(answers) == clients * requests
    syncs = {name: sync_of(name, calls) for name, _ in answers}
    late = [name for name, answer in answers if syncs[name] is None or syncs[name].ended >= answer.began]
    assert late == []
    shared = len(answers) - len({sync.began for sync in syncs.values()})
    assert (shared > 0) == (clients > 1)
    with capsys.disabled():
        print(f"\n{len(answers)} answers of {clients} client(s), each after its sync; {shared} shared one with another")


def test_the_check_would_see_an_answer_that_came_too_early():
    name = UUID("01a21305-f6de-722a-abd3-730e0df8f2e6")
    row = "".join(f"\\x{byte:02x}" for byte in name.bytes)
    answer = "".join(f"\\x{byte:02x}" for byte in f"HTTP/1.1 200 OK\r\nNotification-Id: {name}\r\n\r\nok".encode())
    write = f'7 pwrite64(9</s/a.sqlite-wal>, "{row}", 16, 0) = 16\n'
    send = f'8 sendto(11<socket:[5]>, "{answer}", 80, 0, NULL, 0) = 80\n'
    begun, ended = "7 fdatasync(9</s/a.sqlite-wal> <unfinished ...>\n", "7 <... fdatasync resumed>) = 0\n"
    failed = "7 <... fdatasync resumed>) = -1 EIO (Input/output error)\n"
    other = "7 fdatasync(9</s/b.sqlite-wal>) = 0\n"

    def is_in_time(trace):
        calls = calls_of(trace)
        ((found, sent),) = answers_of(calls)
        sync = sync_of(found, calls)
        return sync is not None and sync.ended < sent.began

    assert is_in_time(write + begun + ended + send)
    assert not is_in_time(write + begun + send + ended)
    assert not is_in_time(write + send + begun + ended)
    assert not is_in_time(begun + write + ended + send)
    assert not is_in_time(write + begun + failed + send)
    assert not is_in_time(write + other + send)
    assert not is_in_time(send)
