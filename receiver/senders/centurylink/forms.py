"""Puts bodies of the platform's old form (2013, flat) in the new form's places, so that the two can be compared."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from receiver.notification import Category

# Python's own list of private networks contains the documentation's public addresses.
_INTERNAL = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"))
)
_ACCOUNT = {"alias": "accountAlias"}
_SERVER = {"locationAlias": "locationId"}
_DETAILS = ("cpu", "diskCount", "memoryMB", "powerState", "storageGB")
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


def is_old_form(category: Category, body: Mapping[str, Any]) -> bool:
    """Tell whether a body is of the old form. Users have one form only."""
    if category == "Account":
        return "alias" in body and "accountAlias" not in body
    flat = {"ipAddresses", "locationAlias", *_DETAILS}
    return category == "Server" and "details" not in body and not flat.isdisjoint(body)


def convert_to_new_form(category: Category, body: dict[str, Any]) -> dict[str, Any]:
    """Return a body with its fields in the new form's places; a body of the new form is returned as it is."""
    if not is_old_form(category, body):
        return body
    if category == "Account":
        return {_ACCOUNT.get(key, key): value for key, value in body.items()}
    moved = {_SERVER.get(key, key): value for key, value in body.items() if key not in {*_DETAILS, "ipAddresses"}}
    details = {key: body[key] for key in _DETAILS if key in body}
    if "ipAddresses" in body:
        details["ipAddresses"] = _addresses(body["ipAddresses"])
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


def server_addresses(body: Mapping[str, Any]) -> set[str]:
    """Return all addresses that a server's body of the new form names, public and internal, in lower case."""
    details = body.get("details")
    lists = (details.get(name) for name in _ADDRESS_LISTS) if isinstance(details, dict) else ()
    return set().union(*map(addresses_in, lists))


def addresses_in(value: Any) -> set[str]:
    """Return the addresses in a list of addresses, in one of its items or in one field of an item, in lower case."""
    if isinstance(value, str):
        return {value.lower()}
    if isinstance(value, dict):
        return {value[key].lower() for key in _ADDRESS_KEYS if isinstance(value.get(key), str)}
    return set().union(*map(addresses_in, value)) if isinstance(value, list) else set()


def _addresses(value: Any) -> Any:
    """Separate public and private addresses, which the old form mixes."""
    if not isinstance(value, list):
        return value
    return [_address(item["address"]) if _is_address(item) else item for item in value]


def _is_address(item: Any) -> bool:
    return isinstance(item, dict) and item.keys() == {"address"} and isinstance(item["address"], str)


def _address(text: str) -> dict[str, str]:
    try:
        address = ip_address(text)
    except ValueError:
        return {"address": text}
    return {"internal" if any(address in network for network in _INTERNAL) else "public": text}
