"""Every page of the dashboard: an address of it, and what is on it once it is drawn."""

from typing import NamedTuple
from urllib.parse import quote

OFF = "refresh=off"
QUESTION = "SELECT event_type, count(*) AS notifications FROM events GROUP BY ALL"


class Shown(NamedTuple):
    """An address of the dashboard, and the selector of what its page draws last."""

    address: str
    drawn: str


def pages(server: str, seq: int) -> dict[str, Shown]:
    """Name every page, with a server and a notification that are opened on it."""
    entity = f"/entity?{OFF}&category=Server&name={quote(server, safe='')}"
    return {
        "Activity": Shown(f"/?{OFF}", ".st-key-over-time svg.marks"),
        "Notifications": Shown(f"/notifications?{OFF}", ".st-key-notifications tbody tr"),
        "one notification": Shown(f"/notifications?{OFF}&events=User.Updated&seq={seq}", ".st-key-verdict"),
        "refused": Shown(f"/notifications?{OFF}&list=Refused", ".st-key-refused-list tbody tr"),
        "Alerts": Shown(f"/alerts?{OFF}", ".st-key-alarms-over-time svg.marks, .st-key-nothing"),
        "Audit": Shown(f"/audit?{OFF}", ".st-key-changes tbody tr"),
        "search": Shown(f"/entity?{OFF}&named={quote(server[:4], safe='')}", ".st-key-found tbody tr"),
        "Entity": Shown(entity, ".st-key-steps tbody tr"),
        "SQL": Shown(f"/sql?sql={quote(QUESTION)}", ".st-key-sql-results canvas"),
        "Health": Shown(f"/health?{OFF}", ".st-key-health-processes tbody tr"),
        "Set up": Shown(f"/set-up?{OFF}", ".st-key-targets code"),
    }
