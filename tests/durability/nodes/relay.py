"""A cable between machines and a server: while it is cut, nothing comes through, and nobody is told."""

import asyncio
import threading
from contextlib import suppress

from tests.support.ports import free_port

_BYTES = 65_536


class Relay:
    """Forwards the connections of a port that stays the same to a server on this machine, in a thread of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self._target = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._whole = asyncio.Event()
        self._whole.set()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._forward, "127.0.0.1", self.port))

    def aim(self, port: int) -> None:
        """Forward to the server on this port from now on."""
        self._target = port

    def cut(self) -> None:
        """Let nothing through."""
        self._loop.call_soon_threadsafe(self._whole.clear)

    def mend(self, *, resume: bool) -> None:
        """Let everything through again; connections of before go on, or break."""
        self._do(self._mend(resume))

    def close(self) -> None:
        """End."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, doing):
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(30)

    async def _mend(self, resume: bool) -> None:
        if not resume:
            self._break()
        self._whole.set()

    async def _close(self) -> None:
        self._server.close()
        await self._mend(resume=False)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _break(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._whole.wait()
            with suppress(OSError):
                await self._join(reader, writer, *await asyncio.open_connection("127.0.0.1", self._target))
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _join(self, reader, writer, server_reader, server_writer) -> None:
        self._open.add(server_writer)
        ways = [self._pump(reader, server_writer), self._pump(server_reader, writer)]
        tasks = [asyncio.create_task(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open.discard(server_writer)
            server_writer.transport.abort()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_BYTES):
            await self._whole.wait()
            writer.write(data)
            await writer.drain()
