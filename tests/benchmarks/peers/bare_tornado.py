"""A Tornado handler that answers and stores nothing: the least that a listener in Tornado costs."""

import asyncio
import sys

import tornado.web


class Handler(tornado.web.RequestHandler):
    """Answers."""

    def post(self) -> None:
        """Answer `ok`."""
        self.write("ok")


async def main(port: int) -> None:
    """Listen until ended."""
    tornado.web.Application([(r"/webhooks/.*", Handler)]).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
