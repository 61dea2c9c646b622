"""Listening sockets, which the supervisor opens and its children inherit, and connections from them.

Systemd may pass sockets to a service, and takes its notifications; see sd_listen_fds(3) and sd_notify(3).
"""

import contextlib
import errno
import os
import socket
import time
from collections.abc import Callable, Collection, MutableMapping
from typing import Any, NamedTuple

from tornado.ioloop import IOLoop

from receiver.errors import ListenError
from receiver.settings import split_address

_BACKLOG = 1024
_PATIENCE_SECONDS = 15.0
_POLL_SECONDS = 0.05
_ACCEPTED_A_TURN = 4
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE_SECONDS = 0.05
_FIRST_DESCRIPTOR = 3
_QUERY_NAME = "query"


def listen(address: str, count: int, variable: str) -> list[socket.socket]:
    """Open sockets that share one address; port 0 takes a free one.

    Args:
        address: `host:port`.
        count: one socket a process that will accept from it; the kernel spreads connections over them.
        variable: the setting to name in an error.

    Raises:
        ListenError: the address can't be listened on.
    """
    host, port = split_address(address)
    try:
        family, target = _find_bindable(host, port)
        return [_open_shared(family, target) for _ in range(count)]
    except OSError as error:
        raise ListenError(
            f"{address} can't be listened on ({error.strerror or error}): free it or set {variable} to another address."
        ) from None


def listen_patiently(address: str, count: int, variable: str, leaving: Collection[str]) -> list[socket.socket]:
    """Open sockets as `listen` does, and wait for processes that are about to leave the address.

    Args:
        address: `host:port`.
        count: how many sockets.
        variable: the setting to name in an error.
        leaving: addresses that will be free in a moment, if they are not yet.

    Raises:
        ListenError: the address can't be listened on.
    """
    deadline = time.monotonic() + (_PATIENCE_SECONDS if is_one_of(address, leaving) else 0)
    while True:
        try:
            return listen(address, count, variable)
        except ListenError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_POLL_SECONDS)


def is_free(address: str) -> bool:
    """Say whether an address can be listened on now; another program may take it in the next moment."""
    try:
        _find_bindable(*split_address(address))
    except OSError:
        return False
    return True


def find_free_address(address: str) -> str:
    """Return an address if it can be listened on, else the same host with a free port."""
    host, port = split_address(address)
    try:
        _, target = _find_bindable(host, port)
    except OSError:
        _, target = _find_bindable(host, 0)
    return f"{host}:{target[1]}"


def format_address(listening: socket.socket) -> str:
    """Write a socket's address as `host:port`, without names of hosts."""
    return _join(listening.getsockname())


def is_one_of(address: str, formatted: Collection[str]) -> bool:
    """Tell whether a socket that listens at an address, such as `localhost:8080`, has one of those as its own."""
    try:
        _, target = _resolve(*split_address(address))
    except OSError:
        return False
    return _join(target) in formatted


def _join(target: tuple[Any, ...]) -> str:
    host, port = target[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    try:
        family, _, _, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except UnicodeError:  # a part of the name is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, "no host can have this name") from None
    return family, target


def _find_bindable(host: str, port: int) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """Find a bindable address, and check that it is free: sockets that share a port would take a stranger's."""
    family, target = _resolve(host, port)
    with socket.socket(family) as alone:
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        alone.bind(target)
        return family, alone.getsockname()


def _open_shared(family: socket.AddressFamily, target: tuple[Any, ...]) -> socket.socket:
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind(target)
    listening.listen(_BACKLOG)
    return listening


class PatientSocket(socket.socket):
    """A listening socket that rests when the system has no room for a connection, instead of trying without end."""

    can_make_room: Callable[[], bool]
    make_room: Callable[[OSError | None], bool]
    _accepted = 0

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection.

        Raises:
            BlockingIOError: there is none, no room for it at the moment, or there were some in this turn of the loop.
        """
        self._accepted += 1
        if self._accepted > _ACCEPTED_A_TURN:
            self._accepted = 0
            raise BlockingIOError  # the others wait for the loop's next turn
        if self.can_make_room():
            try:
                accepted = super().accept()
            except OSError as error:
                self._accepted = 0
                if error.errno not in _NO_ROOM:
                    raise
                if self.make_room(error):
                    with contextlib.suppress(OSError):
                        return super().accept()
            else:
                # Only now, because often no connection was waiting.
                self.make_room(None)
                return accepted
        self._pause()
        raise BlockingIOError

    def _pause(self) -> None:
        loop = IOLoop.current()
        loop.update_handler(self, 0)
        loop.call_later(_PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if self.fileno() != -1:
            IOLoop.current().update_handler(self, IOLoop.READ)


class PassedSockets(NamedTuple):
    """Listening sockets from before this process began: those for notifications, and one for queries."""

    listeners: list[socket.socket]
    query: socket.socket | None


def take_passed_sockets(variables: MutableMapping[str, str]) -> PassedSockets:
    """Take the sockets that systemd passed to this process, and the variables that say so.

    Those that a unit names `query` (`FileDescriptorName=`) take queries, all others notifications.

    Raises:
        ListenError: a passed descriptor is no listening TCP socket.
    """
    listed = {name: variables.pop(f"LISTEN_{name}", "") for name in ("PID", "FDS", "FDNAMES")}
    if listed["PID"] != str(os.getpid()) or not listed["FDS"].isdecimal():
        return PassedSockets([], None)
    names = listed["FDNAMES"].split(":")
    passed: list[tuple[str, socket.socket]] = []
    for index in range(int(listed["FDS"])):
        name = names[index] if index < len(names) else ""
        passed.append((name, _open_listening(_FIRST_DESCRIPTOR + index, name)))
    queries = [listening for name, listening in passed if name == _QUERY_NAME]
    if len(queries) > 1:
        raise ListenError("systemd passed more than one socket named query: one ListenStream= is enough for queries.")
    return PassedSockets([each for name, each in passed if name != _QUERY_NAME], queries[0] if queries else None)


def notify_systemd(text: str) -> None:
    """Notify systemd, with `READY=1` say, if it runs this process and asks for notifications."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(text.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)


def _open_listening(descriptor: int, name: str) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        passed = socket.socket(fileno=descriptor)
        listens = passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ListenError(
            f"Descriptor {descriptor} ({name or 'without a name'}), passed by systemd, is no socket "
            f"({error.strerror}): use ListenStream= in the socket unit."
        ) from None
    if not listens or passed.family not in {socket.AF_INET, socket.AF_INET6}:
        raise ListenError(
            f"Descriptor {descriptor} ({name or 'without a name'}), passed by systemd, is no listening TCP socket: "
            "use ListenStream=ADDRESS:PORT and Accept=no in the socket unit."
        )
    return passed
