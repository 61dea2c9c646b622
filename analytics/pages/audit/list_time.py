"""The time of the lists of the page Audit: a preset up to now or to the end that the lists keep, or the user's own."""

from datetime import datetime
from typing import NamedTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analytics.pages.audit.filters import to_first
from analytics.pages.shared import address
from analytics.pages.shared.answers import read_now
from analytics.pages.shared.leafing import read_until
from analytics.pages.shared.ranges import draw_own_range, draw_range, read_own
from analytics.times import OWN, RANGES, Period, make_period


class ListTime(NamedTuple):
    """The time of the lists: from the first notification where `since` is None, and to now where `until` is."""

    name: str
    since: datetime | None
    until: datetime | None

    @property
    def end(self) -> datetime:
        """Return its end."""
        return self.until or read_now()

    def find_bins(self, first: datetime, earliest: datetime | None = None) -> Period:
        """Return its bins for a chart; the range `all` begins with the `first` finding, none before `earliest`."""
        name, begin = ("all", self.since) if self.name == OWN else (self.name, first)
        if earliest and (self.since is None or self.since < earliest):
            return make_period("all", self.end, max(earliest, self.since or first))
        return make_period(name, self.end, begin)


def draw_place() -> DeltaGenerator:
    """Draw the place of the controls of time, which are drawn with the lists: a brush changes both."""
    return st.container(key="range-place", horizontal=True, vertical_alignment="center", gap="small", width="content")


def draw_time(place: DeltaGenerator) -> ListTime:
    """Draw the choice of the range, and for the user's own range its ends; return the chosen time."""
    with place:
        name = draw_range(to_first, own=True)
        draw_own_range(name)
    own, until = read_own(), read_until()
    if name == OWN and own:
        return ListTime(name, own.since, own.until or until)
    name = name if name in RANGES else address.read_offer().default
    length = RANGES[name]
    return ListTime(name, (until or read_now()) - length if length else None, until)
