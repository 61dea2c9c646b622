"""Commands to a running store, for the operator's own tools and never for readers."""

import asyncio
import json
from typing import Any

import duckdb
from tornado.iostream import StreamClosedError

from receiver.errors import StoreError
from receiver.logs import describe
from receiver.store.backup import Backups
from receiver.store.loop import AppendLoop
from receiver.store.query.service import LocalHandler
from receiver.store.uploads import Uploads

_TELL_SECONDS = 0.2


class ControlHandler(LocalHandler):
    """A command for holders of the control token; it answers its progress and its end as JSON lines."""

    def initialize(self, token: str) -> None:
        """Take the token."""
        self._token = token

    def prepare(self) -> None:
        """Let only holders of the control token in."""
        super().prepare()
        self.require_token(self._token.encode(), "The control token is missing or wrong: it lies in control.token.")
        self.set_header("Content-Type", "application/x-ndjson")

    async def tell(self, line: dict[str, Any]) -> bool:
        """Write a line, and tell whether the client is still connected."""
        self.write(json.dumps(line) + "\n")
        try:
            await self.flush()
        except StreamClosedError:
            return False
        return True


class BackupHandler(ControlHandler):
    """`POST /backup`: make a backup in `CLC_DATA_DIR/backups`, and answer JSON lines.

    While the file is copied: `{"copied": bytes, "of": bytes}`. Then `{"name": file, "bytes": …, "notifications": …,
    "last_seq": …}`, or `{"error": code, "detail": sentence}` if it failed. With object storage there follow
    `{"uploaded": bytes, "of": bytes}`, and at last the line with `name` again and `not_uploaded`: a sentence, or null.
    """

    def initialize(self, token: str, backups: Backups) -> None:  # type: ignore[override]
        """Take what `control_handlers` gives."""
        super().initialize(token)
        self._backups = backups

    async def post(self) -> None:
        """Make a backup; it is made to its end even if the client hangs up."""
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        def report_copied(done: int, size: int) -> None:
            loop.call_soon_threadsafe(lines.put_nowait, {"copied": done, "of": size})

        making = asyncio.create_task(asyncio.to_thread(self._backups.make, report_copied))
        making.add_done_callback(lambda _: lines.put_nowait(None))
        while (line := await lines.get()) is not None:
            await self.tell(line)
        try:
            backup = making.result()
        except StoreError as error:
            await self.tell({"error": "internal_error", "detail": str(error)})
        else:
            fields = backup._asdict()
            made = {"name": fields.pop("file").name, **fields}
            if await self.tell(made) and self._backups.uploads:
                await self._follow(self._backups.uploads, made)

    async def _follow(self, uploads: Uploads, made: dict[str, Any]) -> None:
        """Tell how far the first try of the upload is; it goes on if the client hangs up."""
        while (upload := uploads.find(made["name"])) and not upload.has_ended:
            if not await self.tell({"uploaded": upload.moved, "of": upload.size}):
                return
            await asyncio.sleep(_TELL_SECONDS)
        await self.tell({**made, "not_uploaded": upload.failure if upload else None})


class RebuildHandler(ControlHandler):
    """`POST /rebuild`: derive the changes of all notifications again, and answer JSON lines.

    While it runs: `{"derived": seq, "of": last}`. At last `{"done": true}`, or `{"error": code, "detail": sentence}`.
    It goes on when the client hangs up, and when the store starts again; a client that asks meanwhile follows it.
    """

    def initialize(self, token: str, loop: AppendLoop) -> None:  # type: ignore[override]
        """Take what `control_handlers` gives."""
        super().initialize(token)
        self._loop = loop

    async def post(self) -> None:
        """Begin, and answer the progress until the end."""
        try:
            await asyncio.to_thread(self._loop.begin_rebuild)
        except duckdb.Error as error:
            await self._tell_failure(describe(error))
            return
        while (progress := self._loop.get_rebuild_progress()) is not None:
            derived, last = progress
            if not await self.tell({"derived": derived, "of": last}):
                return
            await asyncio.sleep(_TELL_SECONDS)
        if failure := self._loop.rebuild_failure():
            await self._tell_failure(failure)
        else:
            await self.tell({"done": True})

    async def _tell_failure(self, why: str) -> None:
        detail = f"Changes can't be derived again now ({why}): they are as they were. Mend that and run this again."
        await self.tell({"error": "internal_error", "detail": detail})


def control_handlers(backups: Backups, loop: AppendLoop, token: str) -> list[tuple[str, type, dict[str, Any]]]:
    """List the routes of these commands for the query service's application."""
    return [
        ("/backup", BackupHandler, {"token": token, "backups": backups}),
        ("/rebuild", RebuildHandler, {"token": token, "loop": loop}),
    ]
