"""Reads the spool for the store: which segments there are, what is new in them, and which are finished."""

import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from receiver.incidents import copy_aside, set_aside
from receiver.spool import layout
from receiver.spool.segment import Segment

Report = Callable[[str, Path | None], object]

_log = logging.getLogger(__name__)


def _log_it(what: str, moved_to: Path | None) -> None:
    _log.error("%s%s", what, f" It is kept in {moved_to}." if moved_to else "")


class SpoolReader:
    """The segments of a spool directory, kept open between looks.

    Args:
        directory: where the segments lie.
        report: told of what is damaged or foreign, with the directory it was moved to; by default it is logged.
    """

    def __init__(self, directory: Path, report: Report = _log_it) -> None:
        self._directory = directory
        self._report = report
        self._open: dict[str, Segment] = {}
        self._reported: set[str] = set()

    def segments(self) -> list[Segment]:
        """List the segments, oldest first, opening those that are new."""
        for path in sorted(self._directory.glob("*.sqlite")):
            if path.stem not in self._open and layout.is_segment(path) and path.is_file():
                gone = layout.writer_is_gone(self._directory, layout.writer_of(path))
                self._open[path.stem] = segment = Segment(path, abandoned=gone)
                if segment.damage:
                    self._keep_evidence(segment)
        return [self._open[name] for name in sorted(self._open)]

    def finished(self) -> list[Segment]:
        """List the segments that nobody writes to any more: the writer is gone, or went on to a later one."""
        by_writer: dict[str, list[Segment]] = {}
        for segment in self.segments():
            by_writer.setdefault(layout.writer_of(segment.path), []).append(segment)
        done: list[Segment] = []
        for writer, segments in by_writer.items():
            if layout.writer_is_gone(self._directory, writer):
                done += segments
            else:
                used = [index for index, segment in enumerate(segments) if segment.has_rows()]
                done += segments[: used[-1]] if used else []
        for segment in done:
            segment.settle_count()
        return done

    def remove(self, segment: Segment) -> None:
        """Delete a segment, and its writer's lock file once the writer is gone and this was its last.

        A damaged one is moved into the directory `aside` instead. When this returns, no crash can bring it back.
        """
        del self._open[segment.name]
        if segment.damage:
            segment.close()
            moved_to = set_aside(segment.files(), self._directory)
            self._report(f"Segment {segment.path.name}: {segment.damage}. What could be read is stored.", moved_to)
        else:
            segment.unlink()
        layout.sync_directory(self._directory)
        writer = layout.writer_of(segment.path)
        if not any(self._directory.glob(f"{writer}-*.sqlite")) and layout.writer_is_gone(self._directory, writer):
            (self._directory / f"{writer}.lock").unlink(missing_ok=True)

    def tidy(self) -> None:
        """Report what is wrong in the directory, and move aside what is no part of a spool."""
        for path in sorted(self._directory.glob("*.sqlite")):
            if not (layout.is_segment(path) and path.is_file()):
                moved_to = set_aside([path], self._directory)
                self._report(f"{path.name} in the spool is no segment.", moved_to)
        for segment in self._open.values():
            if segment.is_gone():
                segment.note_damage("its file was deleted or replaced while in use")
            self._tell(segment, segment.damage, "What can be read is stored")
            self._tell(segment, segment.refused, "It is tried again")
        self._delete_unfinished()

    def _keep_evidence(self, segment: Segment) -> None:
        """Copy a segment whose WAL is torn: SQLite cuts that when the segment is read."""
        kept = None
        with contextlib.suppress(OSError):  # a full disk, say; what can be read is taken all the same
            kept = copy_aside(segment.files(), self._directory)
        self._tell(segment, segment.damage, "What can be read is stored", kept)

    def _tell(self, segment: Segment, what: str | None, then: str, kept: Path | None = None) -> None:
        said = f"Segment {segment.path.name}: {what}. {then}."
        if what and said not in self._reported:
            self._reported.add(said)
            self._report(said, kept)

    def _delete_unfinished(self) -> None:
        """Delete what a writer left that was killed while it made a segment, or while one was deleted."""
        for path in self._directory.glob("*-*.new*"):
            if layout.writer_is_gone(self._directory, layout.writer_of(path)):
                path.unlink(missing_ok=True)
        for path in self._directory.glob("*.sqlite-*"):
            segment = path.with_name(path.name.rpartition("-")[0])
            if segment.stem not in self._open and not segment.exists():
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close all segments."""
        for segment in self._open.values():
            segment.close()
        self._open.clear()
