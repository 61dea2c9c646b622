"""FastAPI with aiosqlite: the fastest that is durable and quickly written. It verifies nothing and derives nothing."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosqlite
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

FILE = "fastapi.sqlite"


@asynccontextmanager
async def opened(app: FastAPI) -> AsyncIterator[None]:
    """Open the database for as long as the application runs."""
    async with aiosqlite.connect(FILE) as database:
        await database.execute("PRAGMA journal_mode = WAL")
        await database.execute("PRAGMA synchronous = FULL")
        await database.execute("CREATE TABLE IF NOT EXISTS notifications (path TEXT, signature TEXT, body BLOB)")
        app.state.database = database
        yield


app = FastAPI(lifespan=opened)


@app.post("/webhooks/{event}")
async def receive(event: str, request: Request) -> PlainTextResponse:
    """Store a notification, and answer once it is synced to disk."""
    row = (event, request.headers.get("Tier3-RsaSha1"), await request.body())
    await app.state.database.execute("INSERT INTO notifications VALUES (?, ?, ?)", row)
    await app.state.database.commit()
    return PlainTextResponse("ok")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
