"""Tornado that commits each notification to DuckDB before it answers."""

import asyncio
import sys

import duckdb
import tornado.web

FILE = "tornado.duckdb"


class Handler(tornado.web.RequestHandler):
    """Stores a notification."""

    def initialize(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take the connection that all share."""
        self.connection = connection

    def post(self, event: str) -> None:
        """Commit, and answer."""
        row = [event, self.request.headers.get("Tier3-RsaSha1"), self.request.body.decode()]
        self.connection.execute("INSERT INTO notifications VALUES (?, ?, ?)", row)
        self.write("ok")


async def main(port: int) -> None:
    """Listen until ended."""
    connection = duckdb.connect(FILE)
    connection.execute("CREATE TABLE IF NOT EXISTS notifications (event VARCHAR, signature VARCHAR, payload JSON)")
    handlers = [(r"/webhooks/(.*)", Handler, {"connection": connection})]
    tornado.web.Application(handlers).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
