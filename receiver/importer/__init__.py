"""Takes archives in by the same decisions and into the same spool as the listener."""

from receiver.importer.archive import ArchiveLineError, name_archive, open_archive, parse_line
from receiver.importer.importing import Deciders, import_archive

__all__ = ["ArchiveLineError", "Deciders", "import_archive", "name_archive", "open_archive", "parse_line"]
