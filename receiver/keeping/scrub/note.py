"""What the last scrub found, for whoever asks how the receiver is: `CLC_DATA_DIR/scrub.json`."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from receiver.files import write_whole
from receiver.keeping.scrub.places import DamagedRows

FILE = "scrub.json"


class ScrubNote(NamedTuple):
    """When the last scrub ended, and a sentence for each damage that it found."""

    at: datetime
    damages: list[str]


def read_scrub_note(data_dir: Path) -> ScrubNote | None:
    """Read the note; None where there is none that can be read."""
    try:
        noted = json.loads((data_dir / FILE).read_bytes())
        at, damages = datetime.fromisoformat(noted["at"]), [str(damage) for damage in noted["damages"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return ScrubNote(at, damages) if at.tzinfo else None


def write_scrub_note(data_dir: Path, damaged: list[DamagedRows]) -> None:
    """Note that a scrub has ended.

    Raises:
        OSError: it can't be written.
    """
    note = {"at": datetime.now(UTC).isoformat(), "damages": [str(each) for each in damaged]}
    write_whole(data_dir / FILE, json.dumps(note, indent=1))
