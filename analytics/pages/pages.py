"""The table of the dashboard's pages. Nothing else knows them all."""

from typing import NamedTuple

FILTERS = ("Multiselect", "Selectbox", "TextInput")
CHART = "ArrowVegaLiteChart"


class Page(NamedTuple):
    """A page of the dashboard.

    `path` is its address below the dashboard's own. `icon` is a Material symbol. `package` has a module `page` with a
    function `show` that draws it. `names` are its own values in its address. `shows` are the elements that it shows at
    once, by Streamlit's names of their scripts.
    """

    title: str
    path: str
    icon: str
    package: str
    names: tuple[str, ...]
    shows: tuple[str, ...]


PAGES = (
    Page(
        "Activity",
        "",
        "monitoring",
        "activity",
        ("account", "alone", "types", "who", "what", "centre", "part", "own", "open"),
        (*FILTERS, "Metric", CHART),
    ),
    Page(
        "Notifications",
        "notifications",
        "list_alt",
        "notifications",
        ("seq", "refused", "before", "account", "from", "to", "paused", "at", "reason"),
        (*FILTERS, "NumberInput", CHART),
    ),
    Page("Alerts", "alerts", "alarm_on", "alerts", ("account",), (*FILTERS, "NumberInput", CHART)),
    Page("Audit", "audit", "policy", "audit", ("finding", "until", "page", "account"), (*FILTERS, CHART)),
    Page(
        "Entity",
        "entity",
        "badge",
        "entity",
        ("category", "name", "entity", "step", "at", "page"),
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
TITLES = {page.path: page.title for page in PAGES}
NAMES = {page.title: page.names for page in PAGES}
SHOWS = {page.path: page.shows for page in PAGES}
