"""The exact bodies the sender posts, made from the state of the world: key order and number spellings included."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from receiver.senders.centurylink.made_up.world import Account, Alert, Server, User, WorldSubject
from receiver.senders.made_up import as_time

HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Accept": "application/json",
    # The body follows at once without waiting for the interim answer, as RFC 9110 (10.1.1) allows.
    "Expect": "100-continue",
}
"""The headers that the real sender sets beside `Content-Length` and the signature."""
GET_ALL = ["GET", "PUT", "DELETE"]


def account_body(account: Account) -> bytes:
    """Return the body of an Account event."""
    return orjson.dumps(
        {
            "addressLine1": account.address_line1,
            "addressLine2": account.address_line2,
            "city": account.city,
            "stateProvince": account.state_province,
            "country": account.country,
            "postalCode": account.postal_code,
            "telephone": account.telephone,
            "status": account.status,
            "isManaged": account.is_managed,
            "links": [
                {"rel": "self", "href": f"/v2/accounts/{account.alias}"},
                {"rel": "parentAccount", "href": f"/v2/accounts/{account.parent_alias}"},
            ],
            "accountAlias": account.alias,
            "businessName": account.business_name,
            "parentAlias": account.parent_alias,
            "primaryDataCenter": account.data_center,
        }
    )


def user_body(user: User) -> bytes:
    """Return the body of a User event."""
    return orjson.dumps(
        {
            "uri": f"/v2/users/{user.user_name}",
            "accountUri": f"/v2/accounts/{user.account_alias}",
            "accountAlias": user.account_alias,
            "userName": user.user_name,
            "emailAddress": user.email_address,
            "firstName": user.first_name,
            "lastName": user.last_name,
            "status": user.status,
        }
    )


def alert_body(alert: Alert, started_at: float, ended_at: float) -> bytes:
    """Return the body of an Alert event for a state that lasted from `started_at` to `ended_at`."""
    trigger = {
        "data": alert.data,
        "duration": f"00:{alert.minutes:02d}:00",
        "metric": alert.metric,
        "stateEndTime": as_time(ended_at),
        "stateStartTime": as_time(started_at),
        "state": alert.state,
    }
    return orjson.dumps(
        {"accountAlias": alert.account_alias, "serverName": alert.server_name, "triggers": [trigger]},
    )


def server_deleted_body(server: Server) -> bytes:
    """Return the body of a Server.Deleted event: alias and name, nothing else."""
    return orjson.dumps({"accountAlias": server.account_alias, "name": server.name})


def server_body(server: Server, created_at: float, modified_at: float) -> bytes:
    """Return the body of a Server.Created or Server.Updated event."""
    body: dict[str, Any] = {
        "id": server.name.lower(),
        "name": server.name,
        "description": server.description,
        "groupId": server.group_id,
        "isTemplate": server.is_template,
        "locationId": server.location,
        "osType": server.os_type,
        "os": server.os,
        "status": server.status,
    }
    if server.status == "queuedForRestore":
        body["details"] = {"ipAddresses": _addresses(server), "snapshots": [], "customFields": _custom_fields(server)}
    elif server.status != "underConstruction":
        body["details"] = _details(server, created_at)
    body |= {
        "type": server.kind,
        "storageType": server.storage_type,
        "changeInfo": {
            "createdBy": server.created_by,
            "createdDate": as_time(created_at),
            "modifiedBy": server.modified_by,
            "modifiedDate": as_time(modified_at),
        },
        "links": _links(server),
    }
    return orjson.dumps(body)


def _details(server: Server, created_at: float) -> dict[str, Any]:
    alias = server.account_alias.lower()
    details: dict[str, Any] = {
        "ipAddresses": _addresses(server),
        "secondaryIPAddresses": [],
        "alertPolicies": [_policy(server, policy.id, policy.name) for policy in server.alert_policies],
    }
    if policy_id := server.autoscale_policy_id:
        link = {"rel": "self", "href": f"/v2/autoscalePolicies/{alias}/{policy_id}"}
        details["cpuAutoscalePolicy"] = {"id": policy_id, "links": [link]}
    return details | {
        "cpu": server.cpu,
        "diskCount": len(server.disks_gb),
        "hostName": server.name.lower(),
        "inMaintenanceMode": server.in_maintenance,
        "memoryMB": server.memory_gb * 1024,
        "powerState": server.power_state,
        "storageGB": sum(server.disks_gb),
        "disks": [
            {"id": f"0:{number}", "sizeGB": size, "partitionPaths": []} for number, size in enumerate(server.disks_gb)
        ],
        # A fragment keeps the spelling: as floats, 0.0 would survive and 2.890 would not.
        "partitions": [{"sizeGB": orjson.Fragment(size), "path": path} for size, path in server.partitions],
        "snapshots": [_snapshot(server, created_at)] if server.has_snapshot else [],
        "customFields": _custom_fields(server),
    }


def _addresses(server: Server) -> list[dict[str, str]]:
    internal = [{"internal": address} for address in server.internal_addresses]
    return internal + [{"public": public, "internal": address} for public, address in server.public_addresses]


def _custom_fields(server: Server) -> list[dict[str, int | str]]:
    return [{"id": f.id, "name": f.name, "value": f.value, "displayValue": f.value} for f in server.custom_fields]


def _server_href(server: Server) -> str:
    return f"/v2/servers/{server.account_alias.lower()}/{server.name.lower()}"


def _policy(server: Server, policy_id: str, name: str) -> dict[str, Any]:
    own = f"/v2/alertPolicies/{server.account_alias.lower()}/{policy_id}"
    mapped = f"{_server_href(server)}/alertPolicies/{policy_id}"
    links = [{"rel": "self", "href": own}, {"rel": "alertPolicyMap", "href": mapped, "verbs": ["DELETE"]}]
    return {"id": policy_id, "name": name, "links": links}


def _snapshot(server: Server, created_at: float) -> dict[str, Any]:
    taken = datetime.fromtimestamp(created_at, UTC) + timedelta(minutes=30)
    href = f"{_server_href(server)}/snapshots/10"
    links = [
        {"rel": "self", "href": href},
        {"rel": "delete", "href": href},
        {"rel": "restore", "href": f"{href}/restore"},
    ]
    return {"name": taken.strftime("%Y-%m-%d.%H:%M:%S"), "links": links}


def _links(server: Server) -> list[dict[str, Any]]:
    alias, server_id, href = server.account_alias.lower(), server.name.lower(), _server_href(server)
    activities = f"/v2/servers/{alias}/{server.activity_id}"
    links: list[dict[str, Any]] = [
        {"rel": "self", "href": href, "id": server_id, "verbs": ["GET", "PATCH", "DELETE"]},
        {"rel": "group", "href": f"/v2/groups/{alias}/{server.group_id}", "id": server.group_id},
        {"rel": "account", "href": f"/v2/accounts/{alias}", "id": alias},
        {"rel": "billing", "href": f"/v2/billing/{alias}/serverPricing/{server_id}"},
        {"rel": "publicIPAddresses", "href": f"{href}/publicIPAddresses", "verbs": ["POST"]},
        {"rel": "credentials", "href": f"{href}/credentials"},
        {"rel": "statistics", "href": f"{href}/statistics"},
        {"rel": "upcomingScheduledActivities", "href": f"{activities}/upcomingScheduledActivities"},
        {"rel": "scheduledActivities", "href": f"{activities}/scheduledActivities", "verbs": ["GET", "POST"]},
        {"rel": "capabilities", "href": f"{href}/capabilities"},
        {"rel": "alertPolicyMappings", "href": f"{href}/alertPolicies", "verbs": ["POST"]},
        {"rel": "antiAffinityPolicyMapping", "href": f"{href}/antiAffinityPolicy", "verbs": ["PUT", "DELETE"]},
        {"rel": "cpuAutoscalePolicyMapping", "href": f"{href}/cpuAutoscalePolicy", "verbs": ["PUT", "DELETE"]},
    ]
    for address in server.public_addresses:
        own = f"{href}/publicIPAddresses/{address.public}"
        links.append({"rel": "publicIPAddress", "href": own, "id": address.public, "verbs": GET_ALL})
    return links


class Stamps:
    """The times that later bodies repeat: when servers were created, when alerts fired."""

    def __init__(self) -> None:
        """Start without any."""
        self._created: dict[str, float] = {}
        self._fired: dict[str, float] = {}

    def note(self, event_type: str, subject: WorldSubject, at: float) -> None:
        """Remember what an event's time means for later ones."""
        if event_type == "Server.Created":
            self._created[subject.key] = at
        elif event_type == "Server.Deleted":
            self._created.pop(subject.key, None)
        elif isinstance(subject, Alert) and subject.state == "triggered":
            self._fired[subject.key] = at

    def body(self, event_type: str, subject: WorldSubject, at: float) -> bytes:
        """Return the body of an event that happens at this time, and remember the time."""
        self.note(event_type, subject, at)
        match subject:
            case Account():
                return account_body(subject)
            case User():
                return user_body(subject)
            case Alert():
                fires = subject.state == "triggered"
                since = at - 60 * subject.minutes if fires else self._fired.pop(subject.key, at)
                return alert_body(subject, since, at)
            case Server() if event_type == "Server.Deleted":
                return server_deleted_body(subject)
            case Server():
                return server_body(subject, self._created.get(subject.key, at), at)
