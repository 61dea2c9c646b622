"""CenturyLink Cloud for the pages: its events, entities, data centres and alerts, its fields and phrases in words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analytics.senders.phrases import (
    ParsedChange,
    Phrase,
    describe_difference,
    describe_move,
    describe_switch,
    format_value,
    read_text,
)
from analytics.senders.sender import Alerts, Event, Examples, Kind, Place, Sender, Wording

# Each category has a hue: purple, orange, blue or olive. All of these colours differ for any colour vision. In a hue,
# Updated, the most frequent event, is pale, and Deleted contrasts most with the page.
EVENTS = (
    Event("Account.Created", "#9f5586", "#cc6895", "a sub-account is made"),
    Event("Account.Updated", "#d094af", "#f8c8da", "its status, name, address, telephone, fax or time zone changes"),
    Event("Account.Deleted", "#311729", "#70395a", "it is deleted"),
    Event("Alert.Notification", "#e08a00", "#f0a53c", "an alert policy's threshold is exceeded, or no longer is"),
    Event("Server.Created", "#0072b2", "#3a9bdc", "a server is made"),
    Event("Server.Updated", "#84bfe6", "#a3d0f2", "its power, size, disks, addresses, group or description changes"),
    Event("Server.Deleted", "#083d66", "#2b6795", "it is deleted"),
    Event("User.Created", "#7e8541", "#8e873b", "a user is made"),
    Event("User.Updated", "#c1c39c", "#cbbf7d", "status, password, PIN, name, e-mail, telephone or time zone changes"),
    Event("User.Deleted", "#38430c", "#5d511e", "it is deleted"),
)


NOUNS: Mapping[str, str] = {
    "alertPolicies": "alert policy",
    "customFields": "custom field",
    "disks": "disk",
    "ipAddresses": "address",
    "links": "link",
    "partitions": "partition",
    "secondaryIPAddresses": "secondary address",
    "snapshots": "snapshot",
}
LABELS: Mapping[str, str] = {
    "addressLine1": "address",
    "addressLine2": "second line of the address",
    "cpu": "number of CPUs",
    "cpuAutoscalePolicy": "CPU autoscale policy",
    "diskCount": "number of disks",
    "emailAddress": "e-mail address",
    "alternateEmailAddress": "alternative e-mail address",
    "groupId": "group",
    "inMaintenanceMode": "maintenance mode",
    "ipAddresses": "IP addresses",
    "isManaged": "managed state",
    "isTemplate": "template state",
    "locationId": "data centre",
    "memoryMB": "memory",
    "osType": "operating system",
    "parentAlias": "parent account",
    "powerState": "power state",
    "primaryDataCenter": "primary data centre",
    "secondaryIPAddresses": "secondary IP addresses",
    "sizeGB": "size",
    "stateProvince": "state or province",
    "storageGB": "storage",
}
MEASURES: Mapping[str, str] = {
    "details.memoryMB": "MB",
    "details.storageGB": "GB",
    "details.disks[].sizeGB": "GB",
    "details.partitions[].sizeGB": "GB",
}
RESTORED_FROM = {"disabled": "enabled", "archived": "restored", "queuedforrestore": "restored"}
STATUS: Mapping[str, Phrase] = {
    "disabled": Phrase("disabled"),
    "archived": Phrase("archived"),
    "queuedfordelete": Phrase("queued", "", "for deletion"),
    "queuedforrestore": Phrase("queued", "", "for restoring"),
    "queuedforarchive": Phrase("queued", "", "for archiving"),
}


NO_ADDRESS = (None, "")
EMPTY_ADDRESS = "an empty public address"


def describe_address(change: ParsedChange) -> Phrase:
    """Return the phrase of a whole address that was added or removed."""
    public, internal = read_text(change.value, "public"), read_text(change.value, "internal")
    if public:
        return describe_move(change, f"public address {public}")
    return describe_move(change, f"internal address {internal}" if internal else f"address {change.item}")


def describe_public_address(change: ParsedChange) -> Phrase:
    """Return the phrase of the public side of an address, which an empty text does not have."""
    if change.change.kind != "changed":
        has_one = change.value not in NO_ADDRESS
        return describe_move(change, f"public address {format_value(change.value)}" if has_one else EMPTY_ADDRESS)
    had_one, has_one = change.old not in NO_ADDRESS, change.new not in NO_ADDRESS
    if had_one and has_one:
        return Phrase(f"replaced public address {format_value(change.old)}", "of", f"by {format_value(change.new)}")
    if has_one:
        return Phrase(f"added public address {format_value(change.new)}", "to")
    if had_one:
        return Phrase(f"removed public address {format_value(change.old)}", "from")
    return Phrase("changed the public address", "of", describe_difference(change.old, change.new))


def describe_sized(noun: str) -> Callable[[ParsedChange], Phrase]:
    """Return a function that makes the phrase of an item with a size in GB."""

    def describe(change: ParsedChange) -> Phrase:
        size = change.value.get("sizeGB") if isinstance(change.value, dict) else None
        return describe_move(
            change, f"{noun} {change.item}" + (f" ({format_value(size, 'GB')})" if size is not None else "")
        )

    return describe


def describe_named(noun: str) -> Callable[[ParsedChange], Phrase]:
    """Return a function that makes the phrase of an item that may have a name."""
    return lambda change: describe_move(change, f"{noun} {read_text(change.value, 'name') or change.item}")


def describe_resize(noun: str) -> Callable[[ParsedChange], Phrase | None]:
    """Return a function that makes the phrase of an item's size."""

    def describe(change: ParsedChange) -> Phrase | None:
        if change.change.kind != "changed" or None in (change.old, change.new):
            return None
        return Phrase(f"resized {noun} {change.item}", "of", describe_difference(change.old, change.new, "GB"))

    return describe


def describe_power(change: ParsedChange) -> Phrase | None:
    """Return the phrase of a power state."""
    verbs = {"started": "on", "stopped": "off"}
    state = str(change.new).lower()
    if state == "paused":
        return Phrase("paused")
    return Phrase("powered", "", verbs[state]) if state in verbs else None


def describe_status(change: ParsedChange) -> Phrase | None:
    """Return the phrase of a status; None where it has none of its own."""
    old, new = str(change.old).lower(), str(change.new).lower()
    if change.change.kind != "changed":
        return None
    if new == "active" and old in RESTORED_FROM:
        return Phrase(RESTORED_FROM[old])
    return STATUS.get(new)


def describe_group(change: ParsedChange) -> Phrase | None:
    """Return the phrase of a move to another group."""
    if change.change.kind != "changed" or None in (change.old, change.new):
        return None
    return Phrase("moved", "", f"from group {format_value(change.old)} to group {format_value(change.new)}")


POWER = {"started": "powered on", "stopped": "powered off"}


def describe_state(category: str, body: Any) -> Sequence[str | None]:
    """Return the name of a user, and the state of a user, server or account, from a parsed body."""
    if not isinstance(body, dict):
        return ()
    status = read_text(body, "status")
    if category == "User":
        names = (read_text(body, "firstName"), read_text(body, "lastName"))
        return (" ".join(filter(None, names)), status)
    details = body.get("details")
    power = read_text(details, "powerState") or ""
    switch = isinstance(details, dict) and details.get("inMaintenanceMode") is True
    return (status, POWER.get(power.lower(), power), "in maintenance mode" if switch else None)


PHRASES: Mapping[str, Callable[[ParsedChange], Phrase | None]] = {
    "status": describe_status,
    "isTemplate": describe_switch(Phrase("converted", "", "to a template"), Phrase("converted", "", "from a template")),
    "groupId": describe_group,
    "details.powerState": describe_power,
    "details.inMaintenanceMode": describe_switch(
        Phrase("put", "", "into maintenance mode"), Phrase("took", "", "out of maintenance mode")
    ),
    "details.ipAddresses[]": describe_address,
    "details.ipAddresses[].public": describe_public_address,
    "details.ipAddresses.public": describe_public_address,
    "details.secondaryIPAddresses[]": describe_address,
    "details.secondaryIPAddresses[].public": describe_public_address,
    "details.secondaryIPAddresses.public": describe_public_address,
    "details.disks[]": describe_sized(NOUNS["disks"]),
    "details.disks[].sizeGB": describe_resize(NOUNS["disks"]),
    "details.partitions[]": describe_sized(NOUNS["partitions"]),
    "details.partitions[].sizeGB": describe_resize(NOUNS["partitions"]),
    "details.snapshots[]": describe_named(NOUNS["snapshots"]),
    "details.alertPolicies[]": describe_named(NOUNS["alertPolicies"]),
    "details.customFields[]": describe_named(NOUNS["customFields"]),
}
WORDING = Wording(NOUNS, LABELS, MEASURES, PHRASES, containers=frozenset({"details", "changeInfo"}))


ENTITY = "Account alias, user name or server name, in upper case"
NOTIFICATION = {
    "sender": "Kind of sender: centurylink",
    "event_type": "Event, such as Server.Updated; NULL where the target URL can't tell it",
    "category": "Account, User, Server or Alert",
    "action": "Created, Updated, Deleted or Notification; NULL where not known",
    "entity_id": f"{ENTITY}; of an alert its server",
    "actor": "The user who made the change (changeInfo.modifiedBy); servers only",
    "payload": "Body as JSON, byte for byte: payload ->> 'status', payload -> 'details'",
}
ENTITIES = {
    "sender": "Kind of sender of its latest notification: centurylink",
    "category": "Account, User, Server; Alert for a server's alerts",
    "entity_id": ENTITY,
}
CHANGES = {
    "category": "Account, User or Server",
    "entity_id": ENTITY,
    "actor": "The user who made the change; servers only",
    "path": "Field, such as details.powerState; empty for the whole body",
}
REJECTED = {"sender": "Kind of sender: centurylink; NULL where it is not known"}
ACCOUNTS = {"business_name": "Its name; NULL where no Account notification told it"}
TABLES = {
    "events": NOTIFICATION,
    "notifications": NOTIFICATION,
    "entities": ENTITIES,
    "accounts": ACCOUNTS,
    "changes": CHANGES,
    "rejected": REJECTED,
}

NEVER_REPORTED = dict.fromkeys(
    ("role", "permission", "login", "log-in", "logon", "firewall"),
    "CenturyLink Cloud never reports roles, permissions, log-ins and firewalls: no time range has a change of one.",
) | dict.fromkeys(
    ("password", "pin"),
    "CenturyLink Cloud never reports a password or PIN: a change of one is an update in which no visible field "
    "changed. Choose unseen under Kinds of change.",
)


SENDER = Sender(
    name="centurylink",
    title="CenturyLink Cloud",
    events=EVENTS,
    kinds=(
        Kind("Account", ":material/apartment:"),
        Kind(
            "User",
            ":material/person:",
            unseen="a password",
            unseen_long="With users that is a password, PIN, title, telephone number or time zone.",
        ),
        Kind("Server", ":material/dns:", also=("Alert",)),
    ),
    account="Account",
    person="User",
    names_actors="only those of servers name one",
    place=Place("Data centre", "Server", "by the names of servers", 3, "[A-Z]{2}[0-9]"),
    alerts=Alerts(
        event="Alert.Notification",
        kind="Server",
        states="alert_states",
        first_states="alerts_of_entity",
        deleted="alert_servers_deleted",
        above="triggered",
        below="nottriggered",
        how_to="Set the target URL of the event Alert.Notification in the sender's portal (the page Set up has it), "
        "and give servers an alert policy: each crossing of its threshold then shows here.",
    ),
    signature_header="Tier3-RsaSha1",
    signature_scheme="RSA with SHA-1 over the body",
    how_to="1. In the Control Portal, open the account's **Settings**, **API**, **Webhooks**, and choose an event.\n"
    "2. Paste its target URL from below, and save.\n"
    "3. Tick **Include sub-accounts** to get the events of all accounts below this one as well. Where a "
    "sub-account has a target URL of its own too, both send: the copy is stored, marked, and not counted twice.",
    examples=Examples("Server.Updated", "Server", "ipAddresses, cpu, status"),
    wording=WORDING,
    meanings={(table, column): said for table, columns in TABLES.items() for column, said in columns.items()},
    doubting_rules=("signature_reused", "event_contradicts_body"),
    never_reported=NEVER_REPORTED,
    describe_state=describe_state,
)
