"""Re-reads the database file: finds blocks that changed by themselves, their rows, and the backup that has these."""

from receiver.keeping.scrub.note import ScrubNote, read_scrub_note, write_scrub_note
from receiver.keeping.scrub.places import DamagedRows
from receiver.keeping.scrub.scrub import scrub

__all__ = ["DamagedRows", "ScrubNote", "read_scrub_note", "scrub", "write_scrub_note"]
