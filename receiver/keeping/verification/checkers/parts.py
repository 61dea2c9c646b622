"""Checks a part of the stored notifications: each by itself, and the changes of its entities."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from receiver.database.reading import Reader
from receiver.database.rows import make_numbered
from receiver.keeping.verification.checkers.changes import ChangesCheck, Missing, Scope, StoredChange
from receiver.keeping.verification.invariants import Violation, check_row
from receiver.notification import NumberedNotification
from receiver.senders import Senders, load_senders
from receiver.senders.copies import load_remembered_profiles
from receiver.senders.judge import SignatureJudge, Unjudged, load_judge
from receiver.senders.keys import Keys, index_by_fingerprint, parse_public_key
from receiver.senders.profile import Profile
from receiver.settings import Settings

_SAVED = "its profile is in CLC_SENDERS no more, and was saved: all is checked under that but the changes"


class Part(NamedTuple):
    """Rows of notifications in order of `seq`, as a query of `select_numbered` gives them, and their changes."""

    rows: list[tuple[Any, ...]]
    changes: list[StoredChange]


class Checked(NamedTuple):
    """The result of a check.

    Args:
        violations: those of notifications, in order of `seq`.
        changes: those of their changes, too.
        missing: the notifications whose changes can't be derived.
        judged: how many signatures of senders without a published key were judged, by sender.
        unjudged: how many could not be, and how many notifications were not checked whole, by the reason.
    """

    violations: list[Violation]
    changes: list[Violation]
    missing: Missing
    judged: Counter[str]
    unjudged: Counter[Unjudged]


Pending = Callable[[], Checked]
"""Waits for the result of a check that has begun, and returns it."""


class PartChecker:
    """Checks parts in this process, in the order in which they come; all notifications of an entity must come to it.

    Args:
        reader: reads the store.
        keys: the public keys that notifications were received under.
        senders: whose notifications they may be.
        former: profiles that senders had, by their names.
        judge: judges signatures of senders without a published key.
        scope: what changes are compared with; None where there is nothing to compare.
    """

    def __init__(
        self,
        reader: Reader,
        keys: Keys,
        senders: Senders,
        former: Mapping[str, Sequence[Profile]],
        judge: SignatureJudge | None,
        scope: Scope | None,
    ) -> None:
        self._keys = keys
        self._senders = senders
        self._former = former
        self._judge = judge
        self._changes = ChangesCheck(reader, scope, senders) if scope else None
        self._without_changes: Counter[Unjudged] = Counter()

    def check(self, part: Part) -> Pending:
        """Leave a part until its result is asked for."""
        return partial(self.check_part, part)

    def finish(self) -> Pending:
        """Leave what only the last part decides."""
        return self.check_rest

    def check_part(self, part: Part) -> Checked:
        """Check a part."""
        batch = list(map(make_numbered, part.rows))
        violations = [violation for stored in batch for violation in self._check_row(stored)]
        changes = list(self._changes.check(batch, part.changes)) if self._changes else []
        return self._conclude(violations, changes)

    def check_rest(self) -> Checked:
        """Check what only the last part decides."""
        return self._conclude([], list(self._changes.check_revised()) if self._changes else [])

    def _check_row(self, stored: NumberedNotification) -> Iterator[Violation]:
        judge = self._judge.judge if self._judge else None
        name = stored.row.sender
        former = self._former.get(name, ())
        sender = self._senders.get(name)
        if sender is None and former:
            sender = former[-1]
            self._without_changes[Unjudged(name, _SAVED, is_lacking=True, noun="notification")] += 1
        return check_row(stored, self._keys, sender, judge, former)

    def _conclude(self, violations: list[Violation], changes: list[Violation]) -> Checked:
        judged, unjudged = self._judge.take_counts() if self._judge else (Counter[str](), Counter[Unjudged]())
        without_changes, self._without_changes = self._without_changes, Counter()
        missing = self._changes.failed if self._changes else {}
        return Checked(violations, changes, missing, judged, unjudged + without_changes)


class Means(NamedTuple):
    """What a `PartChecker` is made with, in a form that goes to another process; secrets are loaded there.

    Args:
        settings: of the command.
        keys: the public keys, in PEM form.
        secret_dirs: directories like CLC_SECRETS_DIR.
        scope: see `PartChecker`.
    """

    settings: Settings
    keys: tuple[bytes, ...]
    secret_dirs: tuple[Path, ...]
    scope: Scope | None

    def make_checker(self, reader: Reader) -> PartChecker:
        """Make a checker; its queries are run by `reader`."""
        keys = index_by_fingerprint(parse_public_key(pem, "a key of the store") for pem in self.keys)
        former = load_remembered_profiles(self.settings.data_dir)
        judge = load_judge(self.settings, self.secret_dirs, {name: saved[-1] for name, saved in former.items()})
        return PartChecker(reader, keys, load_senders(self.settings.senders), former, judge, self.scope)
