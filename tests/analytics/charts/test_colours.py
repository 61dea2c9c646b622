"""The colours of event types and severities differ for each colour vision.

The matrices turn linear RGB into what a person without green or red cones sees, after Machado, Oliveira and Fernandes,
"A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009).
"""

import json
import tomllib
from itertools import combinations
from math import dist
from pathlib import Path

import numpy as np
import pytest

import receiver
from analytics import senders
from analytics.findings.rule_headers import COLOURS
from analytics.senders import colours
from analytics.senders.described import Seen, as_sender
from analytics.senders.palette import DARK, LIGHT

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


@pytest.fixture
def github_beside_centurylink():
    """Let the store have events of GitHub's profile, of CenturyLink's, and of a sender with the same colours."""
    profile = tomllib.loads((Path(receiver.__file__).parent / "senders/github/profile.toml").read_text("utf-8"))
    words = json.dumps({"events": [{"pattern": name, **said} for name, said in profile["words"]["events"].items()]})
    rows = [row for each in profile["examples"] if (row := each.get("row"))]
    seen = [Seen(row["event_type"], row["category"], row["action"]) for row in rows]
    again = [Seen(f"again.{each.event_type}", each.category, each.action) for each in seen[:9]]
    described = [as_sender("github", "GitHub", words, seen), as_sender("again", "Again", words, again)]
    senders.learn(described)
    yield described
    senders.learn([])


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.usefixtures("github_beside_centurylink")
def test_events_of_a_sender_of_the_store_differ_from_those_of_a_sender_with_a_folder(vision, dark):
    matrix, least = VISIONS[vision]
    drawn = {name: lab_of(colour, matrix) for name, colour in colours(dark=dark).items() if "unknown" not in name}
    shipped = {event.name for sender in senders.list_shipped() for event in sender.events}
    assert len(drawn) > len(shipped) + 15
    for one in shipped:
        for other in drawn.keys() - shipped:
            assert dist(drawn[one], drawn[other]) >= least, (one, other)


@pytest.mark.parametrize("dark", [False, True])
def test_events_of_senders_of_the_store_differ_from_each_other_beside_others(github_beside_centurylink, dark):
    drawn = [colours(dark=dark)[event.name] for sender in github_beside_centurylink for event in sender.events]
    assert len(drawn) <= len(LIGHT)
    for one, other in combinations(drawn, 2):
        assert dist(lab_of(one, np.eye(3)), lab_of(other, np.eye(3))) >= 5, (one, other)


def test_a_sender_alone_keeps_the_colours_of_its_profile(github_beside_centurylink):
    (github, _) = github_beside_centurylink
    senders.learn([github], alone=True)
    assert senders.list_learned() == (github,)


def test_more_events_than_colours_share_the_nearest():
    seen = [Seen(f"event.{number}", "event", "Updated") for number in range(len(LIGHT) + 9)]
    try:
        senders.learn([as_sender("many", "Many", "{}", seen)])
        for dark, palette in enumerate((LIGHT, DARK)):
            assert {colours(dark=bool(dark))[each.event_type] for each in seen} == set(palette)
    finally:
        senders.learn([])


@pytest.mark.parametrize(("palette", "page", "least"), [(LIGHT, 100, 15), (DARK, 7, 20)])
def test_each_colour_of_a_palette_can_be_seen_on_its_page(palette, page, least):
    for colour in palette:
        assert abs(lab_of(colour, np.eye(3))[0] - page) >= least, colour
