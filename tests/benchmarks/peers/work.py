"""The listener's work on a notification, as the peers do it: check, parse, and take the columns out."""

import os
import sqlite3
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from uuid_utils.compat import uuid7

_KEY: Any = load_pem_public_key(Path(os.environ["CLC_PUBLIC_KEY"]).read_bytes())
_PADDING, _HASH = PKCS1v15(), SHA1()

SCHEMA = """
CREATE TABLE IF NOT EXISTS notifications (
    id TEXT, received_at TEXT, event TEXT, account TEXT, entity TEXT, actor TEXT, status TEXT, signature BLOB, body BLOB
)
"""
INSERT = f"INSERT INTO notifications VALUES ({', '.join('?' * 9)})"
Row = tuple[str, str, str, str | None, str | None, str | None, str, bytes, bytes]


def row_of(event: str, signature: str | None, body: bytes) -> Row | None:
    """Check a notification and make its nine columns; None where its signature does not hold."""
    signed = b64decode(signature or "")
    try:
        _KEY.verify(signed, body, _PADDING, _HASH)
    except InvalidSignature:
        return None
    fields = orjson.loads(body)
    account = fields.get("accountAlias") or fields.get("alias")
    entity = fields.get("name") or fields.get("userName") or account
    actor = (fields.get("changeInfo") or {}).get("modifiedBy")
    return str(uuid7()), datetime.now(UTC).isoformat(), event, account, entity, actor, "valid", signed, body


def open_database(file: str) -> sqlite3.Connection:
    """Open a database that syncs each commit."""
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(SCHEMA)
    return database
