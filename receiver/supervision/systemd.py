"""The sockets that systemd passes to a service, and its notifications; see sd_listen_fds(3) and sd_notify(3)."""

import contextlib
import os
import socket
from collections.abc import MutableMapping
from typing import NamedTuple

from receiver.errors import ListenError

_FIRST_DESCRIPTOR = 3
_QUERY = "query"


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
    queries = [listening for name, listening in passed if name == _QUERY]
    if len(queries) > 1:
        raise ListenError("systemd passed more than one socket named query: one ListenStream= is enough for queries.")
    return PassedSockets([each for name, each in passed if name != _QUERY], queries[0] if queries else None)


def notify(text: str, variables: MutableMapping[str, str] = os.environ) -> None:
    """Notify systemd, with `READY=1` say, if it runs this process and asks for notifications."""
    address = variables.get("NOTIFY_SOCKET", "")
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
