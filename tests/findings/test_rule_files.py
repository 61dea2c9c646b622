"""Rule files: how they are read, and what is said of bad ones."""

import pytest

from analytics.findings.rule_files import load_rules
from tests.findings.history import HEADER, SELECT

SHIPPED = len(load_rules().rules)


def problems_of(directory):
    return [(problem.line, problem.what) for problem in load_rules(directory).problems]


def test_a_rule_of_ones_own_is_read_beside_the_shipped_ones(own):
    rules, problems = load_rules(own("mine.sql", f"/*\n{HEADER}*/{SELECT}"))
    assert problems == []
    assert len(rules) == SHIPPED + 1
    [mine] = [rule for rule in rules if rule.name == "mine"]
    assert (mine.title, mine.severity, mine.why, mine.todo) == ("Anything", "low", "Because.", "Look.")
    assert mine.names == {"since", "until"}
    assert mine.references == ()


def test_each_shipped_rule_gives_a_reason_for_each_severity_of_its_findings():
    for rule in load_rules().rules:
        given = {rule.severity} | {text.split()[0] for example in rule.fires for text in example.expected}
        assert given <= rule.reasons.keys(), rule.name


def test_a_rule_of_the_same_name_replaces_the_shipped_one(own):
    rules, problems = load_rules(own("user_created.sql", f"/*\n{HEADER}*/{SELECT}"))
    assert problems == []
    assert len(rules) == SHIPPED
    assert [rule.title for rule in rules if rule.name == "user_created"] == ["Anything"]


def test_the_shipped_rule_stays_where_the_one_that_replaces_it_is_bad(own):
    rules, problems = load_rules(own("user_created.sql", "SELECT 1"))
    assert len(problems) == 1
    assert [rule.title for rule in rules if rule.name == "user_created"] == ["User created"]


def test_a_suffix_in_capitals_and_a_byte_order_mark_change_nothing(own):
    rules, problems = load_rules(own("mine.SQL", f"\ufeff/*\n{HEADER}*/{SELECT}"))
    assert problems == []
    assert len(rules) == SHIPPED + 1
    assert "mine" in {rule.name for rule in rules}


def test_files_that_are_no_sql_and_hidden_ones_are_no_rules(own):
    own("README.md", "text")
    assert len(load_rules(own("._mine.sql", "\0")).rules) == SHIPPED
    assert load_rules(own("._mine.sql", "\0")).problems == []


WRONG = [
    ("SELECT 1", 1, "A rule opens with a comment /* … */ that holds its header in TOML, and this file does not."),
    ("-- hi\n/*\n*/ SELECT 1", 1, "A rule opens with a comment /* … */ that holds its header in TOML"),
    ("", 1, "A rule opens with a comment"),
    (f"\n/*\n{HEADER}x = \n*/{SELECT}", 7, "The header is no TOML: Invalid value."),
    (f'/*\n{HEADER}x = """\nabc\n*/{SELECT}', 7, "The header is no TOML: "),
    (f"/* {HEADER.replace('why', 'wy')}*/{SELECT}", 1, "The header lacks why."),
    (f"/*\n{HEADER}refrences = []\n*/{SELECT}", 6, "The header has a key refrences, which means nothing here."),
    (
        f"/*\n{HEADER.replace('low', 'urgent')}*/{SELECT}",
        3,
        "severity is 'urgent'; it must be 'high', 'medium' or 'low'.",
    ),
    (f"/*\n{HEADER.replace('Look.', ' ')}*/{SELECT}", 5, "todo is ' ': "),
    (f"/*\n{HEADER}[parameters]\nmost = 5\n*/{SELECT}", 7, "The SQL does not name the parameter $most: "),
    (f"/*\n{HEADER}[parameters]\nmost = [1]\n*/{SELECT}", 7, "parameters.most is [1]; it must be a number, true,"),
    (
        f"/*\n{HEADER}[parameters]\nfrom = 2026-03-01\n*/{SELECT}",
        7,
        "parameters.from is 2026-03-01; it must be a number",
    ),
    (f'/*\n{HEADER}[parameters]\n"a-b" = 1\n*/{SELECT}', 7, "parameters.a-b is 'a-b': "),
    (
        f"/*\n{HEADER}[parameters]\nsince = 5\n*/{SELECT}",
        7,
        "The parameter since is always given: choose another name.",
    ),
    (
        f"/*\n{HEADER}*/{SELECT} AND seq > $least",
        11,
        "The SQL names $least, which is neither in the header's [parameters]",
    ),
    (f"/*\n{HEADER}*/\nSELECT ?", 7, "The SQL has parameters without names, such as ?: name them"),
    (f"/*\n{HEADER}*/", 6, "There is no SQL after the header: a rule is one SELECT."),
    (f"/*\n{HEADER}*/\nSELECT 1; SELECT 2", 7, "There are 2 statements: a rule is one SELECT."),
    (f"/*\n{HEADER}*/\n\nDROP TABLE notifications", 8, "A rule is one SELECT, and this is DROP."),
    (f"/*\n{HEADER}*/\nSELECT as_entity_id(actor", 7, "The call of as_entity_id does not end."),
    (f"/*\n{HEADER}*/\nSELECT as_entity_id('a'),\n1\nFORM x y", 9, 'Parser Error: syntax error at or near "x".'),
    (f"/*\n{HEADER}*/\nSELECT 1\nFORM x y", 8, 'Parser Error: syntax error at or near "x".'),
    (
        f"/*\n{HEADER}[[fires]]\ntitle='a'\nexpected = ['x']\n[[fires.notifications]]\nevent = 'b'\nat = 12:00:00\n*/",
        11,
        "fires.notifications.at is ",
    ),
    (f'/*\n{HEADER}[[silent]]\ntitle = "a"\n*/{SELECT}', 6, "The header lacks silent.notifications."),
]


@pytest.mark.parametrize(("text", "line", "what"), WRONG)
def test_a_bad_rule_is_told_by_line_and_reason_and_the_others_are_read(own, text, line, what):
    rules, problems = load_rules(own("bad.sql", text))
    assert len(rules) == SHIPPED
    [problem] = problems
    assert problem.file.endswith("bad.sql")
    assert (problem.line, problem.what[: len(what)]) == (line, what)
    assert str(problem) == f"{problem.file}, line {line}: {problem.what}"


def test_a_file_that_is_no_text_and_a_directory_that_is_gone_are_told(own, tmp_path):
    directory = own("good.sql", f"/*\n{HEADER}*/{SELECT}")
    (directory / "bad.sql").write_bytes(b"/*\xff*/")
    (directory / "folder.sql").mkdir()
    assert problems_of(directory) == [
        (1, "The file can't be read: it is not UTF-8 text."),
        (1, "The file can't be read: Is a directory."),
    ]
    assert problems_of(tmp_path / "gone") == [
        (1, "The directory can't be read (No such file or directory); CLC_RULES names it.")
    ]
