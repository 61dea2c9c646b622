"""FastAPI with aiosqlite that does the listener's work: it checks the signature, parses, and stores nine columns."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosqlite
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

from tests.benchmarks.peers.work import INSERT, SCHEMA, row_of


@asynccontextmanager
async def opened(app: FastAPI) -> AsyncIterator[None]:
    """Open the database for as long as the application runs."""
    async with aiosqlite.connect("fastapi-same-work.sqlite") as database:
        await database.execute("PRAGMA journal_mode = WAL")
        await database.execute("PRAGMA synchronous = FULL")
        await database.execute(SCHEMA)
        app.state.database = database
        yield


app = FastAPI(lifespan=opened)


@app.post("/webhooks/{event}")
async def receive(event: str, request: Request) -> PlainTextResponse:
    """Store a notification, and answer once it is synced to disk."""
    row = row_of(event, request.headers.get("Tier3-RsaSha1"), await request.body())
    if row is None:
        return PlainTextResponse("refused", 401)
    await app.state.database.execute(INSERT, row)
    await app.state.database.commit()
    return PlainTextResponse("ok", headers={"Notification-Id": row[0]})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
