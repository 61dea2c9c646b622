"""Every page of the dashboard: an address of it, and what is on it once it is drawn."""

from typing import NamedTuple
from urllib.parse import quote

OFF = "refresh=off"
QUESTION = "SELECT event_type, count(*) AS notifications FROM events GROUP BY ALL"


class Shown(NamedTuple):
    """An address of the dashboard, and the selectors of what its page draws last, and of what the store told first."""

    address: str
    drawn: str
    first: str


def pages(server: str, seq: int) -> dict[str, Shown]:
    """Name every page, with a server and a notification that are opened on it."""
    entity = f"/entity?{OFF}&category=Server&name={quote(server, safe='')}"
    chart = "svg.marks"
    return {
        "Activity": Shown(f"/?{OFF}", f".st-key-over-time {chart}", ".st-key-live [data-testid=stMetricValue]"),
        "Notifications": Shown(f"/notifications?{OFF}", f".st-key-histogram {chart}", ".st-key-notifications tbody tr"),
        "one notification": Shown(
            f"/notifications?{OFF}&events=User.Updated&seq={seq}", f".st-key-histogram {chart}", ".st-key-verdict"
        ),
        "refused": Shown(
            f"/notifications?{OFF}&list=Refused", ".st-key-refused-list tbody tr", ".st-key-refused-list tbody tr"
        ),
        "Alerts": Shown(
            f"/alerts?{OFF}",
            f".st-key-alarms-over-time {chart}, .st-key-nothing",
            ".st-key-in-alarm-card strong",
        ),
        "Audit": Shown(f"/audit?{OFF}", f".st-key-findings-over-time {chart}", ".st-key-findings tbody tr"),
        "search": Shown(
            f"/entity?{OFF}&named={quote(server[:4], safe='')}", ".st-key-found tbody tr", ".st-key-found tbody tr"
        ),
        "Entity": Shown(entity, ".st-key-steps tbody tr", ".st-key-entity-name"),
        "SQL": Shown(f"/sql?sql={quote(QUESTION)}", ".st-key-sql-tables tbody tr", ".st-key-sql-tables tbody tr"),
        "Health": Shown(f"/health?{OFF}", ".st-key-health-processes tbody tr", ".st-key-health-processes tbody tr"),
        "Set up": Shown(f"/set-up?{OFF}", ".st-key-targets code", ".st-key-targets code"),
    }
