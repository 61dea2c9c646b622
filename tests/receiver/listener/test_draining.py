"""A server that ends drops no connection that it has taken."""

import asyncio
import socket

from tornado.httputil import HTTPMessageDelegate, HTTPServerConnectionDelegate

from receiver.listener.draining import DrainingServer


class Never(HTTPServerConnectionDelegate):
    """Answers nothing."""

    def start_request(self, _server_conn, _request_conn):
        return HTTPMessageDelegate()


class EndsWhenItTakesOne(DrainingServer):
    """Begins to drain in the very moment when it has taken a connection, before that waits for its first request."""

    taken: asyncio.Future[bool]

    def handle_stream(self, stream, address):
        super().handle_stream(stream, address)
        draining = self.drain(asyncio.Event(), idle_seconds=60)
        draining.send(None)
        self.taken.set_result(stream.closed())
        draining.close()


def test_a_connection_that_was_taken_a_moment_ago_stays_open():
    async def take_one():
        server = EndsWhenItTakesOne(Never())
        server.taken = asyncio.get_running_loop().create_future()
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        with socket.create_connection(listening.getsockname()):
            server.add_socket(listening)
            closed = await asyncio.wait_for(server.taken, 30)
            await server.close_all_connections()
        return closed

    assert asyncio.run(take_one()) is False
