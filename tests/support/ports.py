"""Ports for servers that can't take port 0: below those that the system hands out, and apart for each process."""

import itertools
import os
import socket

# Systems hand out ports from 32,768 on (Linux), or from 49,152 on, for connections.
_FIRST, _PER_PROCESS, _PROCESSES = 15_000, 200, 88
_begin = _FIRST + os.getpid() % _PROCESSES * _PER_PROCESS
_ports = itertools.cycle(range(_begin, _begin + _PER_PROCESS))


def free_port() -> int:
    """Choose a port of this machine on which nobody listens."""
    return next(port for port in itertools.islice(_ports, _PER_PROCESS) if _is_free(port))


def free_address() -> str:
    """Choose an address, `host:port`, on which nobody listens."""
    return f"127.0.0.1:{free_port()}"


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
