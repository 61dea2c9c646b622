"""The colours of event types and severities differ for each colour vision.

The matrices turn linear RGB into what a person without green or red cones sees, after Machado, Oliveira and Fernandes,
"A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009).
"""

from itertools import combinations
from math import dist

import numpy as np
import pytest

from analytics.findings.rule_headers import COLOURS
from analytics.senders import colours

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
