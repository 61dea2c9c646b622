"""The colours of event types and severities differ for each colour vision.

The matrices turn linear RGB into what a person without green, red or blue cones sees, after Machado, Oliveira and
Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009).
"""

import json
import tomllib
from itertools import combinations, pairwise
from math import dist
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import receiver
from analytics import senders
from analytics.charts.charts import MOST_TYPES, choose_series
from analytics.findings.rule_headers import COLOURS
from analytics.senders import GREY, colours
from analytics.senders.described import Seen, as_sender
from analytics.senders.palette import PALETTE

VISIONS = {
    "usual": (np.eye(3), 20),
    "without green": (
        np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
        18,
    ),
    "without red": (
        np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
        12,
    ),
    "without blue": (
        np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
        12,
    ),
}
"""Each vision's matrix, and the least distance of two colours in CIELAB, where 2 is just visible side by side."""
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.95047, 1.0, 1.08883])


def lab_of(colour, matrix):
    """Return a colour in CIELAB as a person sees it."""
    rgb = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    ratio = TO_XYZ @ np.clip(matrix @ linear, 0, 1) / WHITE
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def names_and_colours(dark):
    events = {name: colour for name, colour in colours(dark=dark).items() if "unknown" not in name}
    return events, {severity: pair[dark] for severity, pair in COLOURS.items()}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("vision", VISIONS)
def test_all_colours_of_a_chart_differ(vision, dark):
    matrix, least = VISIONS[vision]
    for chart in names_and_colours(dark):
        for one, other in combinations(chart, 2):
            assert dist(lab_of(chart[one], matrix), lab_of(chart[other], matrix)) >= least, (one, other)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("vision", VISIONS)
def test_neighbours_in_the_palette_differ_twice_as_much_as_any_two_of_its_colours_must(vision, dark):
    matrix, least = VISIONS[vision]
    drawn = [lab_of(pair[dark], matrix) for pair in PALETTE]
    assert min(dist(one, other) for one, other in pairwise(drawn)) >= 2 * least
    assert min(dist(one, other) for one, other in combinations(drawn, 2)) >= least


@pytest.fixture
def github_and_gitlab_beside_centurylink():
    """Let the store have all events of GitHub's and GitLab's profiles, beside CenturyLink's."""
    described = []
    for begin, name in enumerate(("github", "gitlab")):
        profile = tomllib.loads((Path(receiver.__file__).parent / f"senders/{name}/profile.toml").read_text("utf-8"))
        words = json.dumps({"events": [{"pattern": each, **said} for each, said in profile["words"]["events"].items()]})
        rows = [row for each in profile["examples"] if (row := each.get("row"))]
        seen = [Seen(row["event_type"], row["category"], begin + 2 * place) for place, row in enumerate(rows)]
        described.append(as_sender(name, name, words, seen))
    senders.learn(described)
    yield described
    senders.learn([])


def count(names):
    """Return counts of some events in one bin, each with fewer than the one before."""
    return pd.DataFrame({"bin_us": 0, "event_type": names, "events": range(len(names), 0, -1)})


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.usefixtures("github_and_gitlab_beside_centurylink")
def test_any_series_that_stand_on_each_other_differ(vision, dark):
    matrix, least = VISIONS[vision]
    names = senders.list_event_types()
    assert len(names) > 20
    for turn in range(len(names)):
        shown, others = choose_series(count(names[turn:] + names[:turn]))
        assert len(shown) == MOST_TYPES - 1
        assert {*shown, *others} == set(names)
        drawn = [lab_of(colours(dark=dark)[name], matrix) for name in shown]
        assert min(dist(one, other) for one, other in combinations(drawn, 2)) >= least, shown
        grey = lab_of(GREY[dark], matrix)
        assert min(dist(one, grey) for one in drawn) >= min(least, 8), shown


def test_a_new_event_changes_the_colour_of_no_other(github_and_gitlab_beside_centurylink):
    before = colours(dark=False)
    (github, gitlab) = github_and_gitlab_beside_centurylink
    new = as_sender("slack", "Slack", "{}", [Seen("channel_created", "channel", 10**9)])
    senders.learn([new, gitlab, github])
    after = colours(dark=False)
    assert {name: after[name] for name in before} == before
    assert after["channel_created"] in dict(PALETTE)


def test_a_sender_alone_has_the_colours_of_centurylink_too():
    seen = [Seen(f"event.{number}", "event", number) for number in range(len(PALETTE) + 10)]
    shipped = colours(dark=True)
    try:
        senders.learn([as_sender("many", "Many", "{}", seen)], alone=True)
        drawn = colours(dark=True)
        assert len({drawn[each.event_type] for each in seen}) == len(seen)
        assert set(shipped.values()) <= set(drawn.values())
    finally:
        senders.learn([])


def test_an_event_has_the_colour_nearest_to_its_profiles_wish_that_is_free():
    words = json.dumps({"events": [{"pattern": "till.*", "light": "#0b9a65", "dark": "#000000"}]})
    try:
        senders.learn([as_sender("till", "Till", words, [Seen("till.b", "till", 2), Seen("till.a", "till", 1)])])
        assert colours(dark=False)["till.a"] == "#0d9966"
        assert colours(dark=False)["till.b"] != "#0d9966"
    finally:
        senders.learn([])


@pytest.mark.parametrize(("dark", "page", "least"), [(False, 100, 15), (True, 7, 20)])
def test_each_colour_of_the_palette_can_be_seen_on_its_page(dark, page, least):
    for pair in PALETTE:
        assert abs(lab_of(pair[dark], np.eye(3))[0] - page) >= least, pair
