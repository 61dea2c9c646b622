"""The tree of accounts: counts of all below, opened branch by branch."""

from analytics.pages.shared.accounts import roll_up

PATHS = [
    ("ROOT", ["ROOT"]),
    ("ACME", ["ROOT", "ACME"]),
    ("ACEU", ["ROOT", "ACME", "ACEU"]),
    ("BRIX", ["ROOT", "BRIX"]),
    ("QUIET", ["ROOT", "QUIET"]),
]
OWN = {"ACME": (1, 4), "ACEU": (5, 0), "BRIX": (9, 9), "SOLO": (2, 0)}


def seen(*opened):
    return [(one.alias, one.depth, one.events, one.before, one.own, one.below) for one in roll_up(OWN, PATHS, opened)]


def test_an_account_counts_all_below_it_and_one_that_is_not_opened_hides_them():
    assert seen() == [("ROOT", 0, 15, 13, 0, 3), ("SOLO", 0, 2, 0, 2, 0)]


def test_opened_branches_show_those_with_events_the_most_first():
    assert seen("ROOT", "ACME", "nonesuch") == [
        ("ROOT", 0, 15, 13, 0, 3),
        ("BRIX", 1, 9, 9, 9, 0),
        ("ACME", 1, 6, 4, 1, 1),
        ("ACEU", 2, 5, 0, 5, 0),
        ("SOLO", 0, 2, 0, 2, 0),
    ]


def test_a_tree_of_very_many_is_cut():
    own = {f"A{number}": (1, 0) for number in range(1000)}
    assert len(roll_up(own, [], [])) == 300
