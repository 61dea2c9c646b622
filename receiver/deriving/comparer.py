"""Compares a backlog's bodies in a process of its own, so that the appender stores rows on another core meanwhile.

`serve` does not start it yet: the appender waits for the answer within its batch, so it gains nothing. It would gain if
bodies were compared a batch ahead.

The process is a fork of the store's, made before this has opened anything. So it runs the same code with the same
senders, whatever an upgrade does to the program's files later. It has no file and no connection: if it fails, hangs or
is killed, the appender compares the bodies itself, and does so until the store's next start.
"""

import logging
import os
import pickle
import signal
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import NamedTuple, NoReturn

import pyarrow as pa

from receiver.database.rows import as_table
from receiver.deriving.comparing import Chain, Compared, DerivedChange, Underived, compare
from receiver.deriving.rules import SenderRules
from receiver.logs import describe
from receiver.senders import Senders

_PATIENCE_SECONDS = 20.0
"""A batch takes a second or two."""
_LENGTH = struct.Struct("!Q")
_END = b""
_BYTES_AT_ONCE = 1 << 20

_log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What the process found: the rows of `changes` as a table, in order of `seq`, and the events that it failed at."""

    table: pa.Table
    failed: list[Underived]


class Comparer:
    """The process, and the way to it. Chains are sent first, then their answer is taken.

    It must be made while this process has no other thread that works.

    Args:
        senders: whose bodies they may be.
    """

    def __init__(self, senders: Senders) -> None:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            _run(theirs, senders)
        theirs.close()
        ours.settimeout(_PATIENCE_SECONDS)
        self.pid = pid
        self._socket: socket.socket | None = ours
        self._awaited = False

    @property
    def is_there(self) -> bool:
        """Whether it can be used."""
        return self._socket is not None

    def send(self, chains: Sequence[Chain]) -> None:
        """Let it compare chains; they may be many, and come in several calls."""
        self._exchange(lambda way: _send(way, pickle.dumps(chains, pickle.HIGHEST_PROTOCOL)))
        self._awaited = True

    def take(self) -> Answer | None:
        """Wait for the answer to all chains that were sent; None if there is none, and they must be compared here."""
        if not self._awaited:
            return None
        self._awaited = False
        found = self._exchange(_ask)
        if not found:
            return None
        failed, rows = pickle.loads(found)  # noqa: S301 - from our own fork
        return Answer(pa.ipc.open_stream(rows).read_all(), failed)

    def end(self) -> None:
        """End the process, if it is there."""
        if self._socket:
            self._socket.close()
            self._socket = None
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def _exchange(self, talk: Callable[[socket.socket], bytes | None]) -> bytes | None:
        """Send or receive; after an error the process is ended, and there is no answer any more."""
        if self._socket is None:
            return None
        try:
            return talk(self._socket)
        except OSError as error:
            _log.warning("bodies are compared by the appender itself until the next start: %s", describe(error))
            self.end()
            return None


def _ask(way: socket.socket) -> bytes:
    _send(way, _END)
    return _receive(way)


def _send(way: socket.socket, message: bytes) -> None:
    way.sendall(_LENGTH.pack(len(message)))
    way.sendall(message)


def _receive(way: socket.socket) -> bytes:
    (length,) = _LENGTH.unpack(_receive_exactly(way, _LENGTH.size))
    return _receive_exactly(way, length)


def _receive_exactly(way: socket.socket, length: int) -> bytes:
    received = bytearray()
    while len(received) < length:
        part = way.recv(min(length - len(received), _BYTES_AT_ONCE))
        if not part:
            raise ConnectionError("the process that compares bodies has ended")
        received += part
    return bytes(received)


def _run(way: socket.socket, senders: Senders) -> NoReturn:
    """Compare what comes, until the store is gone; nothing of the store's stays open here."""
    try:
        kept = way.fileno()
        os.closerange(3, kept)
        os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
        messages: SimpleQueue[bytes | None] = SimpleQueue()
        # A thread takes what comes, so that the appender can send all of it at once.
        threading.Thread(target=_take_all, args=(way, messages), daemon=True).start()
        _answer_all(way, messages, SenderRules(senders))
    finally:
        os._exit(0)


def _take_all(way: socket.socket, messages: "SimpleQueue[bytes | None]") -> None:
    try:
        while True:
            messages.put(_receive(way))
    except OSError:
        messages.put(None)


def _answer_all(way: socket.socket, messages: "SimpleQueue[bytes | None]", rules: SenderRules) -> None:
    compared: Compared | None = Compared([], [])
    while (message := messages.get()) is not None:
        if message != _END:
            compared = _add(compared, message, rules)
        else:
            _send(way, _pack(compared))
            compared = Compared([], [])


def _add(compared: Compared | None, message: bytes, rules: SenderRules) -> Compared | None:
    """Compare a message's chains; after an error there is no answer, and the appender meets the error itself."""
    if compared is None:
        return None
    try:
        rows, failed = compare(rules, pickle.loads(message))  # noqa: S301 - from the process that forked this one
    except Exception:  # noqa: BLE001 - see above
        return None
    return Compared(compared.rows + rows, compared.failed + failed)


def _pack(compared: Compared | None) -> bytes:
    """Write an answer; an empty one says that there is none."""
    if compared is None:
        return b""
    try:
        table = as_table(DerivedChange, sorted(compared.rows, key=lambda row: row.seq))
    except Exception:  # noqa: BLE001 - a value has not its column's type: the appender finds out which
        return b""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return pickle.dumps((compared.failed, sink.getvalue().to_pybytes()), pickle.HIGHEST_PROTOCOL)
