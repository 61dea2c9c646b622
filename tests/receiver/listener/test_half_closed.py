"""A client that ends its half of a connection after a request gets its answer; one that is gone leaves no trace."""

import asyncio
import os
import socket
import ssl
import struct
from contextlib import ExitStack

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from receiver.listener.connections import GuardedServer
from receiver.listener.exchange import ExchangeServer, answer_accepted
from receiver.listener.limits import Limits
from receiver.listener.quick_connection import Ordinary
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


async def post(sent, contexts, leave):
    """Send a request, let the client leave before it is answered, and return what `leave` returns of the answer."""
    of_server, of_client = contexts
    asked = []
    exchanges = ExchangeServer(lambda *given: asked.append(given), 100, Limits())
    ordinary = Ordinary(lambda *given: asked.append(given), exchanges.turns, 100)
    server = GuardedServer(exchanges, ssl_options=of_server, limits=Limits(), ordinary=ordinary)
    exchanges.prove, exchanges.is_proven = server.prove, server.is_proven
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    server.take_from(listening)

    def connect(opened):
        client = opened.enter_context(socket.create_connection(address, timeout=30))
        return opened.enter_context(of_client.wrap_socket(client)) if of_client else client

    with ExitStack() as opened:
        client = await asyncio.to_thread(connect, opened)
        await asyncio.to_thread(client.sendall, sent)
        await asyncio.to_thread(until, lambda: asked, what="the request")
        receive = leave(client)
        for _ in range(20):
            await asyncio.sleep(0)
        asked[0][1](answer_accepted("1"))
        got = await asyncio.to_thread(receive)
    server.stop()
    await server.close_all_connections()
    return got


@pytest.mark.parametrize(
    ("sent", "with_tls"),
    [(PLAIN, False), (EXPECTING, False), (CHUNKED, False), (PLAIN, True)],
    ids=["quick", "expecting", "chunked", "tls"],
)
def test_it_is_answered_though_the_disk_is_slow(tmp_path, sent, with_tls):
    def end_half(client):
        with socket.socket(fileno=os.dup(client.fileno())) as same:
            same.shutdown(socket.SHUT_WR)
        return lambda: receive_answer(client)

    contexts = make_contexts(tmp_path) if with_tls else (None, None)
    assert asyncio.run(asyncio.wait_for(post(sent, contexts, end_half), 60)).endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("sent", [PLAIN, EXPECTING, CHUNKED], ids=["quick", "expecting", "chunked"])
@pytest.mark.parametrize("with_tls", [False, True], ids=["plain", "tls"])
def test_a_client_that_is_gone_before_its_answer_is_no_line_in_the_log(tmp_path, caplog, sent, with_tls):
    def reset(client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        return lambda: None

    contexts = make_contexts(tmp_path) if with_tls else (None, None)
    asyncio.run(asyncio.wait_for(post(sent, contexts, reset), 60))
    assert caplog.messages == []


def receive_answer(client):
    got = b""
    while not got.endswith(b"ok") and (part := client.recv(1000)):
        got += part
    return got
