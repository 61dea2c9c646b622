"""How the platform's bodies, of its old form too, are compared: what each can contain, what is noise."""

from collections.abc import Mapping, Sequence
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Any

from receiver.notification import Category
from receiver.senders.sender import MISSING, Aligned, Comparison, FieldDifference, Parts

# Python's own list of private networks contains the documentation's public addresses.
_INTERNAL = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"))
)
_ACCOUNT = {"alias": "accountAlias"}
_SERVER = {"locationAlias": "locationId"}
_DETAILS = ("cpu", "diskCount", "memoryMB", "powerState", "storageGB")
_FLAT = frozenset({"ipAddresses", "locationAlias", *_DETAILS})
_BOTH_FORMS: dict[Category, frozenset[str]] = {
    "Account": frozenset(
        {
            *("accountAlias", "addressLine1", "addressLine2", "businessName", "city", "country", "postalCode"),
            *("stateProvince", "status", "telephone"),
        }
    ),
    "Server": frozenset({"description", "isTemplate", "locationId", "name", "osType", "status"}),
    "User": frozenset(),
}
_BOTH_FORMS_DETAILS = frozenset({*_DETAILS, "ipAddresses"})
_ADDRESS_LISTS = ("ipAddresses", "secondaryIPAddresses")
_ADDRESS_KEYS = ("address", "internal", "public")
_ADDRESS = (("internal", "public", "address"),)


def is_old_form(category: Category, body: Mapping[str, Any]) -> bool:
    """Tell whether a body is of the old form (2013, flat). Users have one form only."""
    if category == "Account":
        return "alias" in body and "accountAlias" not in body
    return category == "Server" and "details" not in body and not _FLAT.isdisjoint(body)


def convert_to_new_form(category: Category, body: dict[str, Any]) -> dict[str, Any]:
    """Return a body with its fields in the new form's places; a body of the new form is returned as it is."""
    if not is_old_form(category, body):
        return body
    if category == "Account":
        return {_ACCOUNT.get(key, key): value for key, value in body.items()}
    kept = {key: value for key, value in body.items() if key not in {*_SERVER, *_DETAILS, "ipAddresses"}}
    # A field of both names has the value of the new one, whatever the order of the keys.
    moved = {new: body[old] for old, new in _SERVER.items() if old in body} | kept
    details = {key: body[key] for key in _DETAILS if key in body}
    if "ipAddresses" in body:
        details["ipAddresses"] = _separate_addresses(body["ipAddresses"])
    return moved | {"details": details}


def is_in_both_forms(category: Category, keys: Sequence[str]) -> bool:
    """Tell whether bodies of both forms have a field.

    Args:
        category: the bodies' category.
        keys: the keys that lead to the field in the new form.
    """
    if category == "Server" and keys[0] == "details":
        return len(keys) > 1 and keys[1] in _BOTH_FORMS_DETAILS
    return keys[0] in _BOTH_FORMS.get(category, ())


def list_server_addresses(body: Mapping[str, Any]) -> set[str]:
    """Return all addresses that a server's body of the new form names, public and internal, in lower case."""
    details = body.get("details")
    lists = (details.get(name) for name in _ADDRESS_LISTS) if isinstance(details, dict) else ()
    return set().union(*map(list_addresses, lists))


def list_addresses(value: Any) -> set[str]:
    """Return the addresses in a list of addresses, in one of its items or in one field of an item, in lower case."""
    if isinstance(value, str):
        return {value.lower()}
    if isinstance(value, dict):
        return {value[key].lower() for key in _ADDRESS_KEYS if isinstance(value.get(key), str)}
    return set().union(*map(list_addresses, value)) if isinstance(value, list) else set()


def _separate_addresses(value: Any) -> Any:
    """Separate public and private addresses, which the old form mixes."""
    if not isinstance(value, list):
        return value
    return [_classify_address(item["address"]) if _is_address(item) else item for item in value]


def _is_address(item: Any) -> bool:
    return isinstance(item, dict) and item.keys() == {"address"} and isinstance(item["address"], str)


def _classify_address(text: str) -> dict[str, str]:
    try:
        address = ip_address(text)
    except ValueError:
        return {"address": text}
    return {"internal" if any(address in network for network in _INTERNAL) else "public": text}


def align(category: Category, before: dict[str, Any], now: dict[str, Any]) -> Aligned:
    """Return both bodies in the new form; what the other form, or a partial body, could not contain is untold."""
    was_old, is_old = is_old_form(category, before), is_old_form(category, now)
    old = convert_to_new_form(category, before) if was_old else before
    new = convert_to_new_form(category, now) if is_old else now
    return Aligned(old, new, partial(_is_untold, category, old, new, was_old != is_old))


def _is_untold(
    category: Category, old: dict[str, Any], new: dict[str, Any], forms_differ: bool, difference: FieldDifference
) -> bool:
    parts, kind, *_ = difference
    if kind != "changed" and parts[0] == "details" and _is_untold_by_part(difference, old, new):
        return True
    return forms_differ and _is_untold_by_form(category, difference, old, new)


def _is_untold_by_form(
    category: Category, difference: FieldDifference, old: dict[str, Any], new: dict[str, Any]
) -> bool:
    """Tell whether a difference is there only because the two bodies are of different forms.

    The old form lists public and internal addresses one by one, the new form in pairs. So an address differs only
    where the other body does not name it at all.
    """
    if difference.parts == ("id",) or (_is_blank(difference.old) and _is_blank(difference.new)):
        return True
    if _is_in_address_list(difference):
        gained = list_addresses(difference.new) - list_server_addresses(old)
        lost = list_addresses(difference.old) - list_server_addresses(new)
        return not gained and not lost
    keys = [part for part in difference.parts if isinstance(part, str)]
    return difference.kind != "changed" and not is_in_both_forms(category, keys)


def _is_in_address_list(difference: FieldDifference) -> bool:
    return difference.parts[0] == "details" and len(difference.parts) > 1 and difference.parts[1] in _ADDRESS_LISTS


def _is_blank(value: Any) -> bool:
    return value is MISSING or value is None or value == ""


def _is_untold_by_part(difference: FieldDifference, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Tell whether a field came or went within `details` only because one of the bodies is partial.

    A server under construction has no details, and one queued for restore has few. An added address always counts: it
    may be new, and that matters more than a false alarm.
    """
    if len(difference.parts) == 1:
        return True
    field, is_added = difference.parts[1], difference.kind == "added"
    if is_added and field in _ADDRESS_LISTS and list_addresses(difference.new):
        return False
    details = (old if is_added else new).get("details")
    return not isinstance(details, dict) or ("cpu" not in details and field not in details)


COMPARISON = Comparison(
    align=align,
    stateless=frozenset({"Alert"}),
    parts={
        "Alert": Parts(
            items="$.triggers[*]",
            name="$.metric",
            state="$.state",
            since={"triggered": "$.stateStartTime", "nottriggered": "$.stateEndTime"},
            entities="Server",
        )
    },
    created=frozenset({"Created"}),
    deleted=frozenset({"Deleted"}),
    bare={"Server": frozenset({"accountAlias", "name"})},
    natural_keys={
        "alertPolicies": (("id",),),
        "customFields": (("id",),),
        "disks": (("id",),),
        "ipAddresses": _ADDRESS,
        "links": (("rel",), ("id",)),
        "partitions": (("path",),),
        "secondaryIPAddresses": _ADDRESS,
        "snapshots": (("name",),),
    },
    noise_anywhere=frozenset({"links"}),
    noise_on_top=frozenset({"accountUri", "changeInfo", "groupUri", "uri"}),
    caseless=frozenset({"id", "name", "alias", "userName", "hostName", "status", "powerState"}),
    caseless_endings=("Id", "Alias"),
)
