"""Reads the spool for the store: lists its segments, their new rows, and the finished ones."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from receiver.data_directory.incidents import copy_aside, set_aside
from receiver.errors import StoreError
from receiver.files import list_files, sync_directory
from receiver.spool import layout
from receiver.spool.layout import Watermarks
from receiver.spool.ledger import note_end, read_ledger
from receiver.spool.looking import find_unreadable_commits
from receiver.spool.segment import Segment, SpooledRow, read_by_turns

ReportDamage = Callable[[str, Path | None, str | None, str | None], object]
"""Takes a sentence, the directory that the files were moved to, what is missing since, and the begin of all sentences
on the same, if there can be several."""

_MOST_OPEN = 32
"""The most segments that are open, each with three descriptors."""

_log = logging.getLogger(__name__)


def _log_it(what: str, moved_to: Path | None, missing: str | None, _about: str | None) -> None:
    kept = f" It is kept in {moved_to}." if moved_to else ""
    _log.error("%s%s%s", what, kept, f" MISSING: {missing}" if missing else "")


class SpoolReader:
    """The segments of a spool directory. Only the last used are open at a time.

    Args:
        directory: where the segments lie.
        report: takes what is damaged or foreign; by default it is logged.
        former: lists other directories that segments are taken from until they have none; called at each `tidy`.
    """

    def __init__(
        self, directory: Path, report: ReportDamage = _log_it, former: Callable[[], Sequence[Path]] = tuple
    ) -> None:
        self._directory = directory
        self._former = former
        self._directories = [directory, *former()]
        self._report = report
        self._known: dict[str, Segment] = {}
        self._opened: list[Segment] = []
        self._reported: set[str] = set()

    def list_segments(self) -> list[Segment]:
        """List the segments, oldest first, without opening them.

        Raises:
            OSError: the directory can't be listed.
        """
        for path in self._list_files():
            if path.stem not in self._known and layout.is_segment(path) and path.is_file():
                self._known[path.stem] = Segment(path, self._prepare)
        return [self._known[name] for name in sorted(self._known)]

    def read_new(self, watermarks: Watermarks, rows: int, size: int) -> Iterator[SpooledRow]:
        """Read new rows: those of each writer in the order in which it wrote them, the writers by turns.

        Args:
            watermarks: how many rows of each segment and kind are stored.
            rows: the most rows.
            size: no more rows are read after so many bytes of bodies.

        Raises:
            OSError: the directory can't be listed.
        """
        yield from read_by_turns(self.list_segments(), watermarks, rows, size)

    def count_left(self, watermarks: Watermarks) -> int:
        """Count the rows that are not taken.

        Raises:
            OSError: the directory can't be listed.
            StoreError: there are segments whose rows can't be counted at the moment.
        """
        left = {segment: _count_left_in(segment, watermarks) for segment in self.list_segments()}
        unknown = [
            f"{segment.path.name}: {segment.refused or segment.damage}"
            for segment, rows in left.items()
            if rows is None
        ]
        if unknown:
            raise StoreError(f"the spool can't be read whole ({unknown[0]}).")
        return sum(rows or 0 for rows in left.values())

    def list_names(self) -> set[str]:
        """Return the names of the segments that are there.

        Raises:
            OSError: the directory can't be listed.
        """
        return {segment.name for segment in self.list_segments()}

    def list_taken(self, watermarks: Watermarks) -> list[Segment]:
        """List the segments that have no writer and are taken, as far as they can be read."""
        return [segment for segment in self.list_finished() if _count_left_in(segment, watermarks) == 0]

    def free_taken(self, watermarks: Watermarks) -> None:
        """Delete the segments that have no writer and are taken; of damaged ones, take first what a second look gives.

        Raises:
            OSError: they can't be deleted.
        """
        for segment in self.list_taken(watermarks):
            if not (segment.damage and segment.look_again()):
                self.remove(segment)

    def _prepare(self, segment: Segment) -> None:
        """Make room for a segment that is about to be opened, and first check the WAL that SQLite would change.

        Raises:
            OSError: it can't be read now.
        """
        self._opened = [each for each in self._opened if each.is_open and each is not segment]
        while len(self._opened) >= _MOST_OPEN:
            self._opened.pop(0).close()
        self._opened.append(segment)
        if layout.writer_is_gone(segment.path.parent, layout.name_writer(segment.path)):
            damage = find_unreadable_commits(segment.path)
            if damage and not segment.damage:
                segment.note_damage(damage, "what its WAL held")
                self._keep_evidence(segment)

    def list_finished(self) -> list[Segment]:
        """List the segments without a writer: it is gone, or went on to a later segment."""
        by_writer: dict[str, list[Segment]] = {}
        for segment in self.list_segments():
            by_writer.setdefault(layout.name_writer(segment.path), []).append(segment)
        done: list[Segment] = []
        for writer, segments in by_writer.items():
            if layout.writer_is_gone(segments[0].path.parent, writer):
                done += segments
            else:
                used = [index for index, segment in enumerate(segments) if segment.has_rows()]
                done += segments[: used[-1]] if used else []
        for segment in done:
            segment.settle_count()
        return done

    def remove(self, segment: Segment) -> None:
        """Delete a segment, and its writer's lock file before it if the writer is gone and this was its last with rows.

        A damaged segment is moved into the directory `aside` instead. After this, no crash can bring it back.
        """
        del self._known[segment.name]
        directory, writer = segment.path.parent, layout.name_writer(segment.path)
        lock = layout.name_lock(directory, writer)
        ledger = read_ledger(lock)
        damage = segment.damage or ledger.damaged.get(segment.path)
        if ledger.last == segment.path and layout.writer_is_gone(directory, writer):
            lock.unlink(missing_ok=True)
            sync_directory(directory)
        if damage:
            _settle(segment.path)
            segment.close()
            moved_to = set_aside(segment.list_files(), directory)
            if moved_to or segment.missing:  # else its file is gone, which is told, and all that was in it is stored
                sentence = f"{_name(segment)}{damage}. All rows that could be read are stored."
                self._report(sentence, moved_to, _describe_missing(segment), _name(segment))
        else:
            segment.unlink()
        sync_directory(directory)
        if _has_no_use(lock):
            lock.unlink(missing_ok=True)

    def tidy(self, watermarks: Watermarks) -> None:
        """Report faults in the directory, and move foreign files aside.

        Args:
            watermarks: how many rows of each segment and kind the store holds.
        """
        self._directories = [self._directory, *self._former()]
        for path in self._list_files():
            if path.suffix == ".sqlite" and not (layout.is_segment(path) and path.is_file()):
                moved_to = set_aside([path], path.parent)
                self._report(f"{path.name} in the spool is no segment.", moved_to, None, None)
        for segment in list(self._known.values()):
            if not segment.is_open and not segment.path.exists():
                del self._known[segment.name]
                self._report_vanished(segment.path, set_aside(segment.list_files(), segment.path.parent))
                continue
            kept = self._keep_rest(segment) if segment.is_gone() else None
            self._tell(segment, segment.damage, "All rows that can be read are stored", kept)
            self._tell(segment, segment.refused, "It is tried again")
        self._clear_up()
        for lock in [path for path in self._list_files() if path.suffix == ".lock"]:
            ledger = read_ledger(lock)
            for path in ledger.list_vanished(watermarks):
                if path.stem not in self._known:  # else it is open, and can be read
                    self._report_vanished(path)
            if ledger.last and _has_no_use(lock):  # without rows, its writer may only be about to begin
                lock.unlink(missing_ok=True)

    def _report_vanished(self, path: Path, moved_to: Path | None = None) -> None:
        self._report_missing(path, f"Segment {path.name} was deleted or moved by others.", moved_to)

    def _report_missing(self, path: Path, sentence: str, moved_to: Path | None) -> None:
        """Report once that a segment is not there, and expect nothing of it any more."""
        if path.name not in self._reported:
            self._reported.add(path.name)
            self._report(sentence, moved_to, f"what {path.name} held and was not stored before", None)
        _settle(path)

    def _keep_rest(self, segment: Segment) -> Path | None:
        """Put aside what others left of a segment that is open: all its rows can be read until it is closed."""
        segment.note_damage("its file was deleted or replaced while in use")
        return None if segment.path.exists() else set_aside(segment.list_files(), segment.path.parent)

    def _list_files(self) -> list[Path]:
        return [path for directory in self._directories for path in list_files(directory)]

    def _keep_evidence(self, segment: Segment) -> None:
        """Copy a segment whose WAL is torn: SQLite cuts that when the segment is read."""
        kept = None
        with contextlib.suppress(OSError):  # a full disk, say; readable rows are still taken
            kept = copy_aside(segment.list_files(), segment.path.parent)
        self._tell(segment, segment.damage, "All rows that can be read are stored", kept)

    def _tell(self, segment: Segment, what: str | None, then: str, kept: Path | None = None) -> None:
        sentence = f"{_name(segment)}{what}. {then}."
        if what and sentence not in self._reported:
            self._reported.add(sentence)
            self._report(sentence, kept, _describe_missing(segment), _name(segment) if segment.damage else None)

    def _clear_up(self) -> None:
        """Delete files without rows and the rest of stored segments, and move a WAL without its segment aside.

        A writer that was killed while it made a segment leaves the former, and a store that was killed while it deleted
        a segment the latter.
        """
        paths = self._list_files()
        there = set(paths)
        marks = [path for path in paths if path.suffix == ".taken" and layout.is_segment(path.with_suffix(""))]
        orphans: dict[Path, list[Path]] = {}
        for path in paths:
            segment = layout.find_segment(path)
            if layout.is_unfinished(path):
                if layout.writer_is_gone(path.parent, layout.name_writer(path)):
                    path.unlink(missing_ok=True)
            elif segment and layout.name_taken_mark(segment) in marks:
                path.unlink(missing_ok=True)
            elif segment and segment not in there and segment.stem not in self._known:
                if layout.measure_size(path):
                    orphans.setdefault(segment, []).append(path)
                else:
                    path.unlink(missing_ok=True)
        for mark in marks:
            _settle(mark.with_suffix(""))
            mark.unlink(missing_ok=True)
        for segment, files in orphans.items():
            moved_to = set_aside(files, segment.parent)
            self._report_missing(segment, f"The file {segment.name} is missing, and its WAL is there.", moved_to)

    def close(self) -> None:
        """Close all segments."""
        for segment in self._known.values():
            segment.close()
        self._known.clear()


def _settle(segment: Path) -> None:
    """Note that nothing is expected of a segment any more: it is stored, or its loss is reported."""
    with contextlib.suppress(OSError):  # at worst, it is reported once more
        note_end(segment, {})


def _has_no_use(lock: Path) -> bool:
    names = [path.name for path in list_files(lock.parent) if path.suffix == ".sqlite"]
    has_segments = any(name.startswith(f"{lock.stem}-") for name in names)
    return not has_segments and layout.writer_is_gone(lock.parent, lock.stem)


def _count_left_in(segment: Segment, watermarks: Watermarks) -> int | None:
    """Count the rows of a segment that are not taken; None when they can't be counted at the moment."""
    total = 0
    for kind in layout.KINDS.values():
        last, taken = segment.find_last_position(kind), watermarks.get((segment.name, kind), 0)
        if last is None:
            return None
        if last < taken:
            segment.note_damage(f"it ends at {kind} {last}, though {taken} were read from it before")
        total += max(0, last - taken)
    return total


def _name(segment: Segment) -> str:
    """Return the begin of the sentences on a segment."""
    return f"Segment {segment.path.name}: "


def _describe_missing(segment: Segment) -> str | None:
    return f"{segment.missing} in {segment.path.name}" if segment.missing else None
