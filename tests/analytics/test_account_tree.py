"""The tree of accounts: counts of all below, opened branch by branch; and the accounts that are offered."""

import pytest

from analytics.pages.shared.accounts import Account, Accounts, roll_up
from analytics.pages.shared.search import find_accounts

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


def test_accounts_whose_parents_form_a_circle_stand_on_top():
    own = {"EGG": (3, 0), "HEN": (2, 0), "CHICK": (1, 0)}
    paths = [("EGG", ["HEN", "EGG"]), ("HEN", ["EGG", "HEN"]), ("CHICK", ["EGG", "HEN", "CHICK"])]
    tree = roll_up(own, paths, ["EGG", "HEN"])
    assert [(branch.alias, branch.depth, branch.events) for branch in tree] == [
        ("EGG", 0, 3), ("HEN", 0, 2), ("CHICK", 0, 1),
    ]  # fmt: skip


def test_a_tree_of_very_many_is_cut():
    own = {f"A{number}": (1, 0) for number in range(1000)}
    assert len(roll_up(own, [], [])) == 300


def test_labels_of_accounts_are_never_alike():
    alike = [Account(alias, None, None, (alias,)) for alias in ("A" * 100, "A" * 101)]
    labels = list(Accounts(alike).labels.values())
    assert len(set(labels)) == 2


def many_accounts(count):
    top = Account("ROOT", "Root of all", None, ("ROOT",))
    below = [
        Account(f"A{number}", f"Store {number}", "ROOT", ("ROOT", f"A{number}")) for number in reversed(range(count))
    ]
    lowest = Account("DEEP", "Deep Sea", "A7", ("ROOT", "A7", "DEEP"))
    return Accounts([top, lowest, *below])


def test_of_very_many_accounts_the_upper_ones_are_offered_in_the_order_of_the_tree():
    accounts = many_accounts(1000)
    assert accounts.offer() == ["ROOT", *(f"A{number}" for number in range(999, 700, -1))]
    assert many_accounts(10).offer()[:3] == ["ROOT", "DEEP", "A9"]


def test_accounts_are_offered_by_a_part_of_their_alias_or_name():
    accounts = many_accounts(1000)
    assert accounts.offer("STORE 77") == [*(f"A{number}" for number in range(779, 769, -1)), "A77"]
    assert accounts.offer("sea") == ["DEEP"]
    assert accounts.offer("nonesuch") == []


@pytest.mark.parametrize(
    ("text", "alias"),
    [("a7", "A7"), ("Deep", "DEEP"), ("deep s", "DEEP"), ("store 7", None), ("nonesuch", None), ("", None)],
)
def test_an_account_is_named_by_its_alias_or_by_what_no_other_has(text, alias):
    assert many_accounts(1000).find_named(text) == alias


def test_an_account_is_named_by_its_alias_in_any_letter_case_also_where_others_have_it_as_a_part():
    accounts = Accounts([Account(name, None, None, (name,)) for name in ("larkspur-tools", "larkspur-tools-2")])
    assert accounts.find_named("Larkspur-Tools") == "larkspur-tools"


def test_a_search_lists_accounts_that_are_named_exactly_so_first_then_those_that_begin_so():
    names = ("Old Kestrel", "Kestrel Ltd", "Kestrel", "Acme")
    accounts = Accounts([Account(f"A{number}", name, None, (f"A{number}",)) for number, name in enumerate(names)])
    assert find_accounts("kestrel", accounts) == ["A2", "A1", "A0"]
