"""Turns a receiver's status into the figures of the page Health: in groups, each with its limits."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from analytics.pages.shared.answers import read_now, read_silence
from analytics.pages.shared.store import ask_status, open_listener_pulse

STATES = ("red", "amber", "ok")
UNKNOWN = "unknown"
MARKS = {"ok": "✓ ok", "amber": "▲ amber", "red": "✗ red", UNKNOWN: "? not known"}
COLOURS = {"ok": ("#00875f", "#1fb286"), "amber": ("#e08a00", "#f0a53c"), "red": ("#c62f2f", "#ef6a6a")}
GROUPS = {
    "Running": (
        "serving", "store", "processes_not_running", "restarts_last_hour", "restarts", "role", "version",
        "schema_version", "key_fingerprint", "certificate", "listen", "url_secret", "query_listen", "queries_overdue",
    ),
    "Coming in": (
        "rate_last_minute", "rate_last_hour", "notifications", "lag_seconds", "spool_rows", "spool_bytes",
        "spool_unwritable", "segments_unreadable", "former_spools", "shared_spool_away_seconds", "shared_spool_rows",
        "shared_spool_kept_seconds", "machine_unseen_seconds", "clock_off_seconds",
        "append_error", "tasks_failing", "refused_last_hour", "learned_accounts",
        "profiles_unusable", "secrets_unusable", "failed_last_hour", "rows_set_aside", "notifications_lost",
        "changes_missing",
    ),
    "Kept": (
        "checkpointed_at", "checkpoint_due_seconds", "wal_bytes", "database_bytes", "backup_at", "uploaded_at",
        "lake_failing_seconds", "complete_since_at", "scrubbed_at", "recoveries_last_week",
    ),
    "Room": ("data_free_bytes", "spool_free_bytes"),
}  # fmt: skip
OTHER = "More"
JUDGED_WITHOUT_LIMITS = ("serving", "store", "append_error", "checkpointed_at", "certificate")
KIB = 1024
TIMES = ((86400, "d"), (3600, "h"), (60, "min"))
AGO = " ago"
AN_HOUR = timedelta(hours=1)


class Figure(NamedTuple):
    """A figure for display: its label, its value in words, its state, and its limits for amber and red.

    `at` is the moment whose age `text` begins with; None where it begins with none. `is_note` says that nothing was
    done yet that could be good or bad, such as a backup without a schedule.
    """

    name: str
    label: str
    text: str
    state: str
    limits: str
    at: datetime | None = None
    is_note: bool = False

    @property
    def judged(self) -> bool:
        """Say whether its state means anything: a version, for example, is always ok."""
        return self.state != "ok" or (not self.is_note and (bool(self.limits) or self.name in JUDGED_WITHOUT_LIMITS))


def read_state(value: Any) -> str:
    """Return a state; an unknown one counts as amber, because somebody should look."""
    return str(value) if value in STATES else "amber"


def read_figures(status: Mapping[str, Any]) -> list[Figure]:
    """Return all figures of a status."""
    limits = status.get("limits") or {}
    return [
        Figure(
            str(figure["name"]),
            str(figure.get("label", figure["name"])),
            str(figure.get("text", "")),
            read_state(figure.get("state")),
            describe_limit(str(figure["name"]), limits.get(figure["name"])),
            read_moment(figure),
            is_note=str(figure["name"]).endswith("_at") and figure.get("value") is None,
        )
        for figure in status.get("figures") or []
    ]


def read_moment(figure: Mapping[str, Any]) -> datetime | None:
    """Return the moment of a figure; None where its text gives no age."""
    try:
        at = datetime.fromisoformat(str(figure.get("value")))
    except ValueError:
        return None
    return at if at.tzinfo and AGO in str(figure.get("text", "")) else None


def group_figures(figures: Sequence[Figure]) -> dict[str, list[Figure]]:
    """Return the figures by group, in the groups' order; figures of no group come last."""
    by_name = {figure.name: figure for figure in figures}
    groups = {title: [by_name.pop(name) for name in names if name in by_name] for title, names in GROUPS.items()}
    groups[OTHER] = list(by_name.values())
    return {title: group for title, group in groups.items() if group}


def select_troubled(figures: Sequence[Figure]) -> list[Figure]:
    """Return the figures that are not ok, the red ones first."""
    return sorted((figure for figure in figures if figure.state != "ok"), key=lambda figure: STATES.index(figure.state))


class Judgement(NamedTuple):
    """How the receiver is: its state, the figures that are not ok, and the number of silences in the last hour."""

    state: str
    troubled: list[Figure]
    silences: int


def judge_receiver() -> Judgement:
    """Judge the receiver, for every place that says how it is.

    Raises:
        AnalyticsError: it can't be asked now.
    """
    status = ask_status()
    silences = {"Store": read_silence(), "Listener": open_listener_pulse().find_silence()}
    troubled = [Figure(name.lower(), name, "does not answer", "red", "") for name, found in silences.items() if found]
    state = "red" if troubled else read_state(status.get("state"))
    if not silences["Store"]:
        troubled += select_troubled(read_figures(status))
    return Judgement(state, troubled, count_recent_silences(status, read_now()))


def mark_silence(figures: Sequence[Figure]) -> list[Figure]:
    """Mark the last figures of a store that does not answer any more as not known."""
    return [
        figure._replace(text="does not answer", state="red", at=None)
        if figure.name == "store"
        else figure._replace(state=UNKNOWN if figure.judged else figure.state)
        for figure in figures
    ]


def count_recent_silences(status: Mapping[str, Any], now: datetime) -> int:
    """Return the number of silences that ended in the last hour."""
    ends = [datetime.fromisoformat(str(silence["until"])) for silence in status.get("silences") or []]
    return sum(now - end < AN_HOUR for end in ends)


def describe_limit(name: str, limit: Mapping[str, Any] | None) -> str:
    """Return a figure's limits for amber and red in words; empty where it has none."""
    if not limit:
        return ""
    word = "below" if limit.get("falling") else "from"
    amber, red = (in_unit(name, limit[state]) for state in ("amber", "red"))
    if amber == red:
        return f"red {word} {red}"
    return f"amber {word} {amber}, red {word} {red}"


def in_unit(name: str, value: float) -> str:
    """Return a limit in the unit at the end of the figure's name; for a moment, in multiples of its schedule."""
    if name.endswith("_bytes"):
        return format_bytes(value)
    if name.endswith("_seconds"):
        size, unit = next(((size, unit) for size, unit in TIMES if value >= 2 * size), (1, "s"))
        return f"{value / size:g} {unit}"
    if name == "scrubbed_at":
        return f"{value:g} weeks"
    if name.endswith("_at"):
        return f"{value:g} intervals"
    return f"{value:,g}" if value != int(value) else f"{int(value):,}"


def format_bytes(count: float) -> str:
    """Return a size in its largest unit."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < KIB:
            return f"{count:,g} {unit}"
        count /= KIB
    return f"{count:,g} GiB"
