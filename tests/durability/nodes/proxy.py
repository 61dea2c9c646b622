"""A proxy that gives each request to one machine, and to another if that one is gone."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import urllib3

from tests.support.ports import free_port
from tests.support.waiting import until

_CONFIGURATION = """
{user}
daemon off;
pid {directory}/pid;
error_log {directory}/errors;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {directory}/bodies;
    client_body_buffer_size 1m;
    log_format tries '$status $upstream_addr';
    access_log {directory}/requests tries;
    upstream receivers {{
        {servers}
        keepalive 512;
    }}
    server {{
        listen 127.0.0.1:{port};
        keepalive_requests 1000000000;
        keepalive_timeout 1d;
        keepalive_time 1d;
        location / {{
            proxy_pass http://receivers;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_connect_timeout 2s;
            proxy_next_upstream error timeout http_503 non_idempotent;
        }}
    }}
}}
"""


def _find_program() -> str:
    """Find nginx, as `find_program` does PostgreSQL's."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        give_up = pytest.fail if os.environ.get("POSTGRES_TESTS") == "required" else pytest.skip
        give_up("nginx is not installed")
    return program


class Proxy:
    """nginx, in a scratch directory.

    Args:
        directory: for its files.
        addresses: of the machines that take notifications.
    """

    def __init__(self, directory: Path, addresses: Sequence[str]) -> None:
        program = _find_program()
        directory.mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._requests = directory / "requests"
        servers = "\n".join(f"server {address} max_fails=0;" for address in addresses)
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = _CONFIGURATION.format(directory=directory, port=port, servers=servers, user=user)
        (directory / "nginx.conf").write_text(configuration)
        command = [program, "-c", str(directory / "nginx.conf"), "-e", str(directory / "errors")]
        self._process = subprocess.Popen(command, cwd=directory)
        until(self._answers, what="nginx")

    def count_retries(self) -> int:
        """Count how often a request was given to one more machine, after it has ended."""
        return self._requests.read_text().count(", ")

    def stop(self) -> None:
        """End it, once what is on its way is answered."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(60)

    def _answers(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/healthz", retries=False, timeout=2).status == 200
        except urllib3.exceptions.HTTPError:
            return False
