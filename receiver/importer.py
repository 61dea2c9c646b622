"""Takes an archive in through the same decisions and the same spool as the listener."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from receiver.admission import Admission, Refusal
from receiver.archive import ArchivedNotification, ArchiveLineError, parse_line
from receiver.errors import ArchiveError
from receiver.ids import new_id
from receiver.notification import Rejection
from receiver.spool import Row, SpoolWriter

_LINES_PER_COMMIT = 1_000

Report = Callable[[str], None]
Advance = Callable[[int], None]


def import_archive(
    path: Path, admission: Admission, spool: SpoolWriter, report: Report, advance: Advance
) -> Counter[str]:
    """Spool an archive's notifications; those refused go to `rejected`, and malformed lines are left out.

    Args:
        path: the archive.
        admission: decides on each line as the listener would.
        spool: takes the rows; when this returns they are on disk.
        report: called with a sentence on each malformed line, naming file, line and reason.
        advance: called with the number of bytes done since the last call.

    Returns:
        Lines by result: `accepted`, a refusal's code, or `malformed`.

    Raises:
        ArchiveError: the file can't be read.
    """
    results: Counter[str] = Counter()
    try:
        with path.open("rb") as file:
            for batch in _batches(file):
                rows: list[Row] = []
                for number, line in batch:
                    if line.isspace():
                        continue
                    try:
                        row = _row(parse_line(line), admission)
                    except ArchiveLineError as error:
                        results["malformed"] += 1
                        report(f"{path}, line {number}: {error}.")
                    else:
                        results[row.reason if isinstance(row, Rejection) else "accepted"] += 1
                        rows.append(row)
                spool.append_all(rows)
                advance(sum(len(line) for _, line in batch))
    except OSError as error:
        raise ArchiveError(f"The archive {path} can't be taken in ({error.strerror or error}).") from None
    return results


def _batches(file: BinaryIO) -> Iterator[list[tuple[int, bytes]]]:
    lines = ((number, line) for number, line in enumerate(file, start=1))
    while batch := list(islice(lines, _LINES_PER_COMMIT)):
        yield batch


def _row(line: ArchivedNotification, admission: Admission) -> Row:
    decision = admission.decide(line.event, line.body, line.signature_header, line.received_at, line.source_ip)
    if not isinstance(decision, Refusal):
        return decision
    return Rejection(
        id=new_id(line.received_at),
        received_at=line.received_at,
        reason=decision.code,
        path=f"/webhooks/{line.event_name}",
        source_ip=line.source_ip,
        headers=json.dumps(line.headers),
        body=line.body,
    )
