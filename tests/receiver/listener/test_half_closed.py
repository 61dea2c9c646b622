"""A client that ends its half of a connection after a request gets its answer, whoever reads the request."""

import asyncio
import os
import socket
import ssl
from contextlib import ExitStack

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from receiver.listener.connections import GuardedServer
from receiver.listener.exchange import ExchangeServer, answer_accepted
from receiver.listener.quick_connection import Ordinary
from receiver.listener.sources import Limits
from tests.support.keys import make_certificate, write_key
from tests.support.waiting import until

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"
PLAIN = HEAD + b"Content-Length: 2\r\n\r\n{}"
EXPECTING = HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


def make_contexts(directory):
    """Make the contexts of a server and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    (directory / "cert.pem").write_bytes(make_certificate(key))
    (directory / "key.pem").write_bytes(write_key(key))
    server, client = (ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
    server.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    return server, client


@pytest.mark.parametrize(
    ("sent", "with_tls"),
    [(PLAIN, False), (EXPECTING, False), (CHUNKED, False), (PLAIN, True)],
    ids=["quick", "expecting", "chunked", "tls"],
)
def test_it_is_answered_though_the_disk_is_slow(tmp_path, sent, with_tls):
    of_server, of_client = make_contexts(tmp_path) if with_tls else (None, None)
    asked = []

    async def run():
        exchanges = ExchangeServer(lambda *given: asked.append(given), 100, Limits())
        ordinary = Ordinary(lambda *given: asked.append(given), exchanges.turns, 100)
        server = GuardedServer(exchanges, ssl_options=of_server, limits=Limits(), ordinary=ordinary)
        exchanges.prove, exchanges.is_proven = server.prove, server.is_proven
        listening = socket.create_server(("127.0.0.1", 0))
        address = listening.getsockname()
        server.take_from(listening)
        with ExitStack() as opened:
            client = await asyncio.to_thread(connect, opened, address)
            await asyncio.to_thread(client.sendall, sent)
            await asyncio.to_thread(until, lambda: asked, what="the request")
            with socket.socket(fileno=os.dup(client.fileno())) as same:
                same.shutdown(socket.SHUT_WR)
            for _ in range(20):
                await asyncio.sleep(0)
            asked[0][1](answer_accepted("1"))
            got = await asyncio.to_thread(receive_answer, client)
        server.stop()
        await server.close_all_connections()
        return got

    def connect(opened, address):
        client = opened.enter_context(socket.create_connection(address, timeout=30))
        return opened.enter_context(of_client.wrap_socket(client)) if of_client else client

    assert asyncio.run(asyncio.wait_for(run(), 60)).endswith(b"\r\n\r\nok")


def receive_answer(client):
    got = b""
    while not got.endswith(b"ok") and (part := client.recv(1000)):
        got += part
    return got
