"""Re-reads the database file: finds blocks that changed by themselves, their rows, and the backup that has these."""

from receiver.scrub.note import ScrubNote, read_scrub_note, write_scrub_note
from receiver.scrub.places import DamagedRows
from receiver.scrub.scrub import scrub

__all__ = ["DamagedRows", "ScrubNote", "read_scrub_note", "scrub", "write_scrub_note"]
