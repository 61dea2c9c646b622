"""The house: few files in each room, and a room for each page."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from analytics.pages.pages import PAGES

ROOT = Path(__file__).parent.parent
MOST_AT_THE_ROOT = 12
MOST_FILES = {"receiver": 20, "analytics": 20, "tests": 30}
LISTS = {"analytics/senders/centurylink/rules", "receiver/database/migrations"}
"""Folders that hold one file of each thing that there is."""


def files_in(folder):
    return [path for path in folder.iterdir() if path.is_file() and path.suffix != ".pyc"]


def folders(package):
    found = {path.parent for path in (ROOT / package).rglob("*") if path.is_file() and path.suffix != ".pyc"}
    return sorted(folder for folder in found if str(folder.relative_to(ROOT)) not in LISTS)


@pytest.mark.parametrize("package", ["receiver", "analytics"])
def test_a_package_has_few_modules_at_its_root(package):
    assert len(list((ROOT / package).glob("*.py"))) <= MOST_AT_THE_ROOT


@pytest.mark.parametrize("package", MOST_FILES)
def test_no_folder_has_more_files_than_a_reader_takes_in(package):
    crowded = {str(folder.relative_to(ROOT)): len(files_in(folder)) for folder in folders(package)}
    assert {name: count for name, count in crowded.items() if count > MOST_FILES[package]} == {}


def test_no_row_is_read_by_a_number():
    numbered = re.compile(r"\b(row|values|columns|stored|record)\[(-?\d+|-?\d*:-?\d*)\]")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for package in ("receiver", "analytics")
        for path in (ROOT / package).rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if numbered.search(line)
    ]
    assert found == []


def test_each_page_is_a_folder_and_each_folder_of_a_page_is_in_the_table():
    for page in PAGES:
        assert callable(import_module(f"analytics.pages.{page.package}.page").show)
    rooms = {path.parent.name for path in (ROOT / "analytics" / "pages").glob("*/page.py")}
    assert rooms == {page.package for page in PAGES}


def test_every_folder_of_modules_says_what_it_is_for():
    silent = [
        str(path.relative_to(ROOT))
        for package in MOST_FILES
        for path in (ROOT / package).rglob("__init__.py")
        if not path.read_text("utf-8").startswith('"""') or "TODO" in path.read_text("utf-8")
    ]
    assert silent == []
