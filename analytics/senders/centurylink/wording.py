"""The names of fields in CenturyLink Cloud's bodies, and the phrases of their changes."""

from collections.abc import Callable, Mapping

from analytics.senders.phrases import ParsedChange, Phrase, describe_move, describe_switch, format_value, read_text
from analytics.senders.sender import Event, Wording

# Each category has a hue of Okabe and Ito's set, which any colour vision can distinguish. In each hue, Updated, the
# most frequent event, is pale, and Deleted contrasts most with the page.
EVENTS = (
    Event("Account.Created", "#b5477d", "#d264a0", "a sub-account is made"),
    Event("Account.Updated", "#dfa0c4", "#e9b3d2", "its status, name, address, telephone, fax or time zone changes"),
    Event("Account.Deleted", "#6d1f48", "#8f3c6b", "it is deleted"),
    Event("Alert.Notification", "#e08a00", "#f0a53c", "an alert policy's threshold is exceeded, or no longer is"),
    Event("Server.Created", "#0072b2", "#3a9bdc", "a server is made"),
    Event("Server.Updated", "#84bfe6", "#a3d0f2", "its power, size, disks, addresses, group or description changes"),
    Event("Server.Deleted", "#083d66", "#2b6795", "it is deleted"),
    Event("User.Created", "#00875f", "#1fb286", "a user is made"),
    Event("User.Updated", "#80cbb0", "#96dcc3", "status, password, PIN, name, e-mail, telephone or time zone changes"),
    Event("User.Deleted", "#00452f", "#147a5a", "it is deleted"),
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
    "diskCount": "number of disks",
    "emailAddress": "e-mail address",
    "alternateEmailAddress": "alternative e-mail address",
    "groupId": "group",
    "inMaintenanceMode": "maintenance mode",
    "isManaged": "managed state",
    "isTemplate": "template state",
    "locationId": "data centre",
    "memoryMB": "memory",
    "osType": "operating system",
    "parentAlias": "parent account",
    "powerState": "power state",
    "primaryDataCenter": "primary data centre",
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


def describe_address(change: ParsedChange) -> Phrase:
    """Return the phrase of a whole address that was added or removed."""
    public, internal = read_text(change.value, "public"), read_text(change.value, "internal")
    if public:
        return describe_move(change, f"public address {public}")
    return describe_move(change, f"internal address {internal}" if internal else f"address {change.item}")


def describe_public_address(change: ParsedChange) -> Phrase:
    """Return the phrase of the public side of an address."""
    if change.change.kind == "changed":
        return Phrase(f"replaced public address {format_value(change.old)}", "of", f"by {format_value(change.new)}")
    return describe_move(change, f"public address {format_value(change.value)}")


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
        if change.change.kind != "changed":
            return None
        sizes = f"from {format_value(change.old, 'GB')} to {format_value(change.new, 'GB')}"
        return Phrase(f"resized {noun} {change.item}", "of", sizes)

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
    if change.change.kind != "changed":
        return None
    return Phrase("moved", "", f"from group {format_value(change.old)} to group {format_value(change.new)}")


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
    "details.secondaryIPAddresses[]": describe_address,
    "details.secondaryIPAddresses[].public": describe_public_address,
    "details.disks[]": describe_sized(NOUNS["disks"]),
    "details.disks[].sizeGB": describe_resize(NOUNS["disks"]),
    "details.partitions[]": describe_sized(NOUNS["partitions"]),
    "details.partitions[].sizeGB": describe_resize(NOUNS["partitions"]),
    "details.snapshots[]": describe_named(NOUNS["snapshots"]),
    "details.alertPolicies[]": describe_named(NOUNS["alertPolicies"]),
    "details.customFields[]": describe_named(NOUNS["customFields"]),
}
WORDING = Wording(NOUNS, LABELS, MEASURES, PHRASES)
