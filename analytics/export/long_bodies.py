"""Keeps long bodies in a file while DuckDB sorts their rows: it has some 100,000 of them in memory at once."""

from collections.abc import Callable
from typing import IO, Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

LONGEST_SORTED = 1_000
BODY = "payload"


class LongBodies:
    """Bodies in a file, each of which has a mark in its row meanwhile."""

    def __init__(self, file: IO[bytes]) -> None:
        """Begin without any."""
        self._file = file
        self._mark = f'"{uuid4().hex} '  # marks are JSON, as bodies are, and no body begins so

    def put_aside(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows with marks in place of their long bodies."""
        return replace_bodies(batch, is_long, self._write)

    def restore(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows with their bodies in place of the marks."""
        return replace_bodies(batch, lambda bodies: pc.starts_with(bodies, self._mark), self._read)

    def _write(self, body: str) -> str:
        content = body.encode()
        mark = f'{self._mark}{self._file.tell()} {len(content)}"'
        self._file.write(content)
        return mark

    def _read(self, mark: str) -> str:
        place, length = map(int, mark.removeprefix(self._mark).rstrip('"').split())
        self._file.seek(place)
        return self._file.read(length).decode()


def is_long(bodies: Any) -> Any:
    """Say of each body whether it is put aside."""
    lengths: Any = pc.binary_length(bodies)
    return pc.greater(lengths, pa.scalar(LONGEST_SORTED))


def replace_bodies(
    batch: pa.RecordBatch, choose: Callable[[Any], Any], replace: Callable[[str], str]
) -> pa.RecordBatch:
    """Return rows with others in place of the chosen bodies."""
    bodies: Any = batch.column(BODY)
    where = choose(bodies)
    replaced = pa.array([replace(body) for body in bodies.filter(where).to_pylist()], bodies.type)
    return batch.set_column(batch.schema.get_field_index(BODY), BODY, pc.replace_with_mask(bodies, where, replaced))
