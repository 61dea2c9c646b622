"""How the platform's bodies are compared: what each can contain, what is noise, and what identifies items."""

from functools import partial
from typing import Any

from receiver.notification import Category
from receiver.senders.centurylink.forms import (
    addresses_in,
    convert_to_new_form,
    is_in_both_forms,
    is_old_form,
    server_addresses,
)
from receiver.senders.comparison import MISSING, Aligned, Comparison, FieldDifference

_ADDRESS = (("internal", "public", "address"),)


def align(category: Category, before: dict[str, Any], now: dict[str, Any]) -> Aligned:
    """Return both bodies in the new form; what the other form, or a partial body, could not contain is untold."""
    forms_differ = is_old_form(category, before) != is_old_form(category, now)
    old, new = convert_to_new_form(category, before), convert_to_new_form(category, now)
    return Aligned(old, new, partial(_is_untold, category, old, new, forms_differ))


def _is_untold(
    category: Category, old: dict[str, Any], new: dict[str, Any], forms_differ: bool, difference: FieldDifference
) -> bool:
    if difference.parts[0] == "details" and difference.kind != "changed" and _is_untold_by_part(difference, old, new):
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
    if difference.parts[:2] == ("details", "ipAddresses"):
        gained = addresses_in(difference.new) - server_addresses(old)
        lost = addresses_in(difference.old) - server_addresses(new)
        return not gained and not lost
    keys = [part for part in difference.parts if isinstance(part, str)]
    return difference.kind != "changed" and not is_in_both_forms(category, keys)


def _is_blank(value: Any) -> bool:
    return value is MISSING or value is None or value == ""


def _is_untold_by_part(difference: FieldDifference, old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Tell whether a field came or went within `details` only because one of the bodies is partial.

    A server under construction has no details, and one queued for restore has few. An added address always counts: it
    may be new, and that matters more than a false alarm.
    """
    if difference.parts == ("details",):
        return True
    field = difference.parts[1]
    if field == "ipAddresses" and difference.kind == "added":
        return False
    details = (old if difference.kind == "added" else new).get("details")
    partial_details = details if isinstance(details, dict) else {}
    return "cpu" not in partial_details and field not in partial_details


COMPARISON = Comparison(
    align=align,
    stateless=frozenset({"Alert"}),
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
