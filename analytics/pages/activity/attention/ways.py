"""The ways from the signs of the page Activity to other pages, which keep the range and the account."""

from collections.abc import Callable
from functools import partial
from typing import Any

from analytics.pages.activity.filters import ActivityFilters
from analytics.pages.activity.time_range import When
from analytics.pages.pages import OFFERS
from analytics.pages.shared import going


def list_ways(chosen: ActivityFilters, time: When, *, some_high: bool) -> dict[str, Callable[[], None]]:
    """Return the function that goes to the page of each sign, in the order of their places.

    Args:
        chosen: the filters.
        time: the time counted.
        some_high: whether some findings are high.
    """
    whose = {"account": chosen.account, "below": "false" if chosen.account and chosen.alone else None}
    severity = "high" if some_high else None
    audit = {**time.range_values, **whose, "sender": chosen.sender, "severity": severity}
    return {
        "alarms": partial(going.to_page, "alerts", **preset("Alerts", time), **whose),
        "findings": partial(going.to_page, "audit", **audit),
        "refused": partial(going.to_page, "notifications", list="Refused", **preset("Notifications", time), **whose),
        "health": partial(going.to_page, "health", account=chosen.account),
    }


def preset(title: str, time: When) -> dict[str, Any]:
    """Return the range for a page's address; empty where the page has no such preset."""
    offer = OFFERS[title]
    return {offer.key: time.name} if time.name in offer.names else {}
