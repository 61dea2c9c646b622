"""The comparison of bodies whose sender is not known: field by field, without meaning."""

from typing import Any

from receiver.notification import Category
from receiver.senders.sender import Aligned, Comparison, FieldDifference


def _align(_category: Category, before: dict[str, Any], now: dict[str, Any]) -> Aligned:
    return Aligned(before, now, _is_untold)


def _is_untold(_difference: FieldDifference) -> bool:
    return False


PLAIN = Comparison(
    align=_align,
    stateless=frozenset(),
    created=frozenset({"Created"}),
    deleted=frozenset({"Deleted"}),
    bare={},
    natural_keys={},
    noise_anywhere=frozenset(),
    noise_on_top=frozenset(),
    caseless=frozenset(),
    caseless_endings=(),
)
