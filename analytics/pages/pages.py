"""The only complete table of the dashboard's pages, and the file that Streamlit runs."""

from pathlib import Path
from typing import NamedTuple, TypeGuard

import analytics
from analytics.errors import AnalyticsError
from analytics.times import DEFAULT_RANGE, FORMER_RANGE, OFFERED

FILTERS = ("Multiselect", "Selectbox", "TextInput")
CHART = "ArrowVegaLiteChart"


class Offer(NamedTuple):
    """The time ranges that a page offers: their names, its default, and their name in its address."""

    names: tuple[str, ...]
    default: str
    key: str = "range"

    def takes(self, name: str | None) -> TypeGuard[str]:
        """Say whether the page's address may name a range."""
        return name in self.names or name == FORMER_RANGE


class Page(NamedTuple):
    """A page of the dashboard.

    `path` is its address below the dashboard's own. `icon` is a Material symbol. `package` has a module `page` with a
    function `show` that draws it. `names` are its own values in its address. `shows` are the elements that it shows at
    once, by Streamlit's names of their scripts. `offer` are its time ranges, if it has any.
    """

    title: str
    path: str
    icon: str
    package: str
    names: tuple[str, ...]
    shows: tuple[str, ...]
    offer: Offer | None = None


PAGES = (
    Page(
        "Activity",
        "",
        "monitoring",
        "activity",
        ("account", "sender", "alone", "types", "who", "what", "centre", "part", "own", "open", "rows", "others"),
        (*FILTERS, "Metric", CHART),
        Offer(OFFERED, DEFAULT_RANGE),
    ),
    Page(
        "Notifications",
        "notifications",
        "list_alt",
        "notifications",
        (
            *("list", "seq", "before", "account", "sender", "from", "to", "paused", "at"),
            *("refused", "reason", "until", "page", "alone", "types", "who", "what", "centre"),
        ),
        (*FILTERS, "NumberInput", CHART),
        Offer(("15 min", "1 h", "6 h", "24 h", "7 d", "28 d", "all"), "all", "when"),
    ),
    Page(
        "Alerts",
        "alerts",
        "alarm_on",
        "alerts",
        ("account", "until", "page", "flaps", "lasting"),
        (*FILTERS, "NumberInput", CHART),
        Offer(OFFERED, "7 d"),
    ),
    Page(
        "Audit",
        "audit",
        "policy",
        "audit",
        ("finding", "until", "page", "findings", "account", "sender", "rule", "own", "seen", "late"),
        (*FILTERS, CHART),
        Offer(OFFERED, "7 d"),
    ),
    Page(
        "Entity",
        "entity",
        "badge",
        "entity",
        ("category", "name", "entity", "sender", "step", "at", "page", "until", "among"),
        ("DateTimeInput", "TextInput"),
    ),
    Page(
        "SQL",
        "sql",
        "terminal",
        "sql",
        ("sql", "packed", "show", "chart", "x", "y", "colour"),
        ("DataFrame", "Selectbox"),
    ),
    Page("Health", "health", "ecg_heart", "health", ("account",), ("Metric",)),
    Page("Set up", "set-up", "settings_input_component", "set_up", ("account",), ("TextInput",)),
)
NAMES = {page.title: page.names for page in PAGES}
OFFERS = {page.title: page.offer for page in PAGES if page.offer}
SHOWS = {page.path: page.shows for page in PAGES}
GUESSED = "activity"
"""An address that one would guess for the first page; it leads there."""


class DashboardError(AnalyticsError):
    """Raised when the dashboard can't be started."""


def find_entry_file() -> str:
    """Return the path of the Streamlit entry; it is beside this package, in a checkout and in an installation.

    Raises:
        DashboardError: the file is missing.
    """
    entry = Path(analytics.__file__).parent.parent / "app_dashboard.py"
    if not entry.is_file():
        raise DashboardError("app_dashboard.py is not installed; install clc-webhook-analytics again.")
    return str(entry)
