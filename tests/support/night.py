"""Two days of an even history, and a night in which one actor more than doubled it."""

import json
from datetime import UTC, datetime, timedelta

from tests.support.keys import signed
from tests.support.prepared import run_program
from tests.support.processes import environment
from tests.support.waiting import until

QUARTER = timedelta(minutes=15)
HOURS, AN_HOUR, WAVE = 48, 2, 60
BUSY, BUSY_ACCOUNT, CENTRE = "svc_deploy", "ACEU", "WA1"
TOLD = "migration wave 7"


def wave_begins(now: datetime) -> datetime:
    """Return the begin of the quarter of an hour in which the wave came."""
    return datetime.fromtimestamp((now - timedelta(hours=8.5)).timestamp() // 900 * 900, UTC)


def line(at: datetime, event: str, body: dict) -> str:
    """Return a line of an archive."""
    text = json.dumps(body, separators=(",", ":"))
    fields = {"received_at": at.isoformat(), "event": event, "source_ip": None, "headers": signed(text.encode())}
    return json.dumps({**fields, "body": text})


def account(alias: str, parent: str | None) -> dict:
    """Return the body of an account."""
    return {"accountAlias": alias, "businessName": f"{alias} Ltd", "status": "Active", "parentAlias": parent}


def server(at: datetime, name: str, alias: str, actor: str, note: str) -> dict:
    """Return the body of a server."""
    return {
        "id": name.lower(),
        "name": name,
        "description": note,
        "status": "active",
        "changeInfo": {"modifiedBy": actor, "modifiedDate": at.isoformat()},
        "links": [{"rel": "account", "href": f"/v2/accounts/{alias}", "id": alias.lower()}],
    }


def lines(now: datetime) -> list[str]:
    """Return the archive: accounts, an even rate of two an hour, and the wave."""
    tree = [("ROOT", None), ("ACME", "ROOT"), ("ACEU", "ACME"), ("BRIX", "ROOT")]
    found = [line(now - timedelta(hours=60), "Account.Created", account(*one)) for one in tree]
    for hour in range(HOURS):
        at = now - timedelta(hours=hour + 0.5)
        found.append(line(at, "Server.Updated", server(at, "VA1BRIXAPP01", "BRIX", "kim@brix.example", f"hour {hour}")))
        user = {"accountAlias": "ACME", "userName": f"user{hour}@acme.example", "status": "Active"}
        found.append(line(at, "User.Created", user))
    for place in range(WAVE):
        at = wave_begins(now) + timedelta(minutes=5, seconds=place)
        name = f"WA1ACEUWEB{place % 6:02}"
        found.append(line(at, "Server.Updated", server(at, name, BUSY_ACCOUNT, BUSY, f"{TOLD}, {place}")))
    return found


def take_in(live) -> datetime:
    """Import the history into a running receiver, wait until it is stored, and return when it ends."""
    now = datetime.now(UTC)
    archive = lines(now)
    file = live.receiver.data_dir / "night.jsonl"
    file.write_text("\n".join(archive), encoding="utf-8")
    run_program("receiver", "import", file.name, env=environment(file.parent), cwd=file.parent).check_returncode()
    until(lambda: live.one("SELECT count(*) FROM notifications") >= len(archive), what="the history in the store")
    return now
