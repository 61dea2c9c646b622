"""A small history in which it is easy to say who changed what: what the tests of Audit and Entity look at."""

import json
import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

SERVER, USER, ACCOUNT, OTHER = "WA1ACMEWEB01", "KIM@ACME.EXAMPLE", "ACME", "WA1ACMEDB02"
PUBLIC = "203.0.113.9"
HIDDEN = f"{USER} was updated, but no visible field changed (perhaps a password)"
ADDED = f"SVC_OPS added public address {PUBLIC} to {SERVER}"
POWERED = f"kim@acme.example powered {SERVER} off"
SHOWN = "SELECT count(*) FROM changes WHERE NOT noise"
ALL = "/audit?refresh=off&range=all&findings=all"
NAME = ".st-key-detail-name [data-testid=stText]"


def ago(hours: float) -> datetime:
    """Return a moment some hours ago, to the second."""
    return (datetime.now(UTC) - timedelta(hours=hours)).replace(microsecond=0)


def server(
    at: datetime, actor: str, *, name: str = SERVER, status: str = "active", account: str = ACCOUNT, **details
) -> dict:
    """Return the body of a server; a test that adds one does so in an account that no other test counts."""
    address = {"internal": "10.1.2.3"} | ({"public": details.pop("public")} if "public" in details else {})
    return {
        "id": name.lower(),
        "name": name,
        "description": "Web server",
        "locationId": "WA1",
        "status": status,
        "details": {"cpu": 2, "memoryMB": 4096, "powerState": "started", "ipAddresses": [address], **details},
        "changeInfo": {"createdBy": "SVC_OPS", "modifiedBy": actor, "modifiedDate": at.isoformat()},
        "links": [{"rel": "account", "href": f"/v2/accounts/{account}", "id": account.lower()}],
    }


def history() -> list[tuple[str, dict]]:
    """Return the notifications in the order in which they are sent; those of the server happened hours ago."""
    user = {"accountAlias": ACCOUNT, "userName": USER.lower(), "emailAddress": USER.lower(), "status": "Active"}
    account = {"accountAlias": ACCOUNT, "businessName": "Acme Manufacturing", "status": "Active", "parentAlias": "ROOT"}
    alert = {"accountAlias": ACCOUNT, "serverName": SERVER, "triggers": [{"metric": "cpu", "state": "triggered"}]}
    return [
        ("Account.Created", {"accountAlias": "ROOT", "businessName": "Northwind Resale", "status": "Active"}),
        ("Account.Created", account),
        ("User.Created", user),
        ("User.Updated", user),
        ("Server.Created", server(ago(5), "SVC_OPS")),
        ("Server.Updated", server(ago(4), "SVC_OPS", public=PUBLIC)),
        ("Server.Updated", server(ago(3), "SVC_OPS", public=PUBLIC, cpu=4, memoryMB=8192)),
        (
            "Server.Updated",
            server(ago(2), "kim@acme.example", public=PUBLIC, cpu=4, memoryMB=8192, powerState="stopped"),
        ),
        ("Alert.Notification", alert),
        ("Server.Created", server(ago(6), "nobody.known", name=OTHER)),
        ("Server.Deleted", {"accountAlias": ACCOUNT, "name": OTHER}),
    ]


def send(live) -> None:
    """Send the history and wait until it is stored."""
    from tests.support.waiting import until

    before = live.one("SELECT count(*) FROM notifications")
    for event, body in history():
        assert live.receiver.sender.post(f"/webhooks/{event}", json.dumps(body).encode()).status == 200
    until(
        lambda: live.one("SELECT count(*) FROM notifications") == before + len(history()),
        what="the history in the store",
    )


def expect_changes(page, total):
    """Wait until the list of changes says so many."""
    expect(page.locator(".st-key-changes-head")).to_contain_text(re.compile(rf"^{total:,} changes?"))
