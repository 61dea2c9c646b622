"""`clc-receiver simulate --to` a server that is no receiver: it announces more than any memory holds."""

import contextlib
import socket
import threading

import pytest
from click.testing import CliRunner

from receiver.commands.simulate import simulate
from tests.receiver.simulator.test_simulator_sender import set_up_example

MANY = b"{" + b"x" * 200_000


@pytest.fixture(params=["Content-Length: 999999999999999999", "Connection: close"])
def stranger(request):
    """Answer each request with more bytes than a receiver does and with no end; return the URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def answer():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    held.append(connection)
                    connection.recv(65536)
                    connection.sendall(f"HTTP/1.1 401 Unauthorized\r\n{request.param}\r\n\r\n".encode())
                    with contextlib.suppress(OSError):
                        connection.sendall(MANY)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


def test_an_answer_without_end_is_a_refusal(stranger, tmp_path):
    arguments = ["--key", str(tmp_path / "key.pem"), "--to", stranger, "--count", "2", "--rate", "0"]
    result = CliRunner().invoke(simulate, [*arguments, "--concurrency", "1"])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    assert "Not accepted: 2 (401)." in result.stderr


def test_an_answer_without_end_is_shown_by_its_begin(stranger, tmp_path, monkeypatch):
    set_up_example(monkeypatch, tmp_path, 'type = "hmac"\nheader = "X-A"', "{}")
    result = CliRunner().invoke(simulate, ["--sender", "example", "--to", stranger])
    assert result.exit_code == 1
    assert result.stdout.startswith("401  ")
    assert result.stdout.endswith("xx…\n")
    assert len(result.stdout) < len(MANY)
