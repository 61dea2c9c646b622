"""Re-reads the database file: finds blocks that changed by themselves, their rows, and a backup with those rows."""

from receiver.keeping.scrub.places import DamagedRows
from receiver.keeping.scrub.scrub import ScrubNote, read_scrub_note, scrub, write_scrub_note

__all__ = ["DamagedRows", "ScrubNote", "read_scrub_note", "scrub", "write_scrub_note"]
