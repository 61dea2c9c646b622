"""Ports for servers that can't take port 0: beyond those that the system gives to others, and apart for each worker."""

import itertools
import os
import re
import socket

# Systems hand out ports from 32,768 on (Linux), or from 49,152 on, for connections.
_FIRST, _PER_WORKER = 20_000, 500
_worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0)
_ports = itertools.cycle(range(_FIRST + _worker * _PER_WORKER, _FIRST + (_worker + 1) * _PER_WORKER))


def free_port() -> int:
    """Choose a port of this machine on which nobody listens."""
    return next(port for port in itertools.islice(_ports, _PER_WORKER) if _is_free(port))


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
