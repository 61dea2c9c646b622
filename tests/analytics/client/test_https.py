"""A query service behind HTTPS: what the client says of a certificate and of a server that speaks something else."""

import socket
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import analytics
from analytics.cli import run
from analytics.client import remote
from analytics.errors import NotRunningError, QueryError, SilentError
from tests.support.keys import make_certificate, write_key

NO_HTTPS = r"Nothing at https://127\.0\.0\.1:\d+ speaks HTTPS; a query service without a proxy .* is asked by http://"
OF_CERTIFICATE = r"The certificate of https://127\.0\.0\.1:\d+ is not accepted \(self-signed certificate\): set"


class Website(BaseHTTPRequestHandler):
    """Answers as a website does."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>Welcome")

    def do_POST(self):
        self.do_GET()

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def serving(tls=None):
    with HTTPServer(("127.0.0.1", 0), Website) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def self_signed(tmp_path):
    """The address of a server whose certificate nobody vouches for."""
    key, file = ec.generate_private_key(ec.SECP256R1()), tmp_path / "both.pem"
    file.write_bytes(make_certificate(key) + write_key(key))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    with serving(tls) as address:
        yield address


def test_a_certificate_that_is_not_accepted_is_told_with_the_reason(self_signed):
    with analytics.connect(f"https://{self_signed}") as client:
        for ask in (lambda: client.sql("SELECT 1"), client.status, lambda: client.probe(5)):
            with pytest.raises(NotRunningError, match=OF_CERTIFICATE):
                ask()


@pytest.mark.parametrize("command", [["sql", "SELECT 1"], ["tail"], ["findings"], ["check"]])
def test_no_command_ends_in_a_traceback_over_it(self_signed, capfd, command):
    assert run([*command, "--location", f"https://{self_signed}"]) != 0
    assert "(self-signed certificate): set SSL_CERT_FILE" in "".join(capfd.readouterr())


def test_a_server_without_tls_speaks_no_https():
    with serving() as address, analytics.connect(f"https://{address}") as client:
        for ask in (lambda: client.sql("SELECT 1"), lambda: client.probe(5)):
            with pytest.raises(NotRunningError, match=NO_HTTPS):
                ask()


def test_a_server_that_is_silent_in_tls_may_be_slow_so_that_nobody_is_sent_to_http(monkeypatch):
    monkeypatch.setattr(remote, "CONNECT_SECONDS", 0.1)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        analytics.connect(f"https://127.0.0.1:{silent.getsockname()[1]}") as client,
    ):
        for ask in (lambda: client.sql("SELECT 1"), client.status, lambda: client.probe(0.1)):
            with pytest.raises(SilentError, match=r"did not answer in TLS in time; does it speak HTTPS\?$"):
                ask()


def test_a_website_is_no_receiver():
    with serving() as address, analytics.connect(f"http://{address}") as client:
        for ask, path in ((lambda: client.sql("SELECT 1"), "query"), (client.status, "status")):
            with pytest.raises(QueryError, match=f"The server at http://{address}/{path} is not a receiver; is the"):
                ask()
