"""Settings: read once, overridden by flags, and clear about what is wrong."""

import os
from errno import EACCES

import pytest

from analytics import settings as reading_side
from analytics.errors import SettingsError as ReadingSideError
from receiver import settings as receiver
from receiver.configuration import split_objects_url
from receiver.errors import SettingsError
from receiver.processes import heartbeat
from receiver.senders.set_up import PASSED_SECRETS, read_secrets
from receiver.settings import read_settings
from receiver.supervision import handover
from tests.support.prepared import run_program
from tests.support.sizes import take_few


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_defaults_are_those_of_the_documentation():
    settings = read_settings()
    assert str(settings.database) == "data/clc.duckdb"
    assert str(settings.spool_directory) == "data/spool"
    assert (settings.listen, settings.query_listen) == ("127.0.0.1:8080", "127.0.0.1:8081")
    assert (settings.signatures, settings.accounts, settings.max_body_bytes) == ("require", None, 1_048_576)


def test_the_environment_counts_more_than_the_file_and_a_flag_more_than_both(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("CLC_LISTENERS=2\nCLC_QUERY_MAX_ROWS=7\nCLC_LISTEN=127.0.0.1:1\n")
    monkeypatch.setenv("CLC_LISTENERS", "3")
    monkeypatch.setenv("CLC_LISTEN", "127.0.0.1:2")
    settings = read_settings(listen="127.0.0.1:3", listeners=None)
    assert (settings.query_max_rows, settings.listeners, settings.listen) == (7, 3, "127.0.0.1:3")


def test_duckdb_gets_what_the_rest_of_the_store_leaves_of_its_memory_unless_its_limit_is_set():
    assert read_settings().database_memory == "600MB"
    assert read_settings(store_memory="2.5GB").database_memory == "2100MB"
    assert read_settings(store_memory="2GB", query_memory="50%").database_memory == "50%"


def test_accounts_are_compared_without_case(monkeypatch):
    monkeypatch.setenv("CLC_ACCOUNTS", "acme, Root,")
    assert read_settings().accounts == {"ACME", "ROOT"}


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("CLC_DATA_DIR", "/srv/a?b", "no question mark"),
        ("CLC_LISTEN", "8080", "HOST:PORT"),
        ("CLC_QUERY_LISTEN", "localhost:99999", "HOST:PORT"),
        ("CLC_LISTENERS", "many", "integer"),
        ("CLC_LISTENERS", "0", "greater than or equal to 1"),
        ("CLC_SIGNATURES", "maybe", "'require' or 'record'"),
        ("CLC_QUERY_MEMORY", "lots", "4GB or 50%"),
        ("CLC_QUERY_MEMORY", "500%", "up to 100%"),
        ("CLC_QUERY_MEMORY", "101%", "up to 100%"),
        ("CLC_QUERY_MEMORY", "0%", "above 0%"),
        ("CLC_QUERY_MEMORY", "0.0001%", "128MB or more"),
        ("CLC_QUERY_MEMORY", "1KB", "128MB or more"),
        ("CLC_QUERY_MEMORY", "127MB", "128MB or more"),
        ("CLC_QUERY_MEMORY", "99999999999TB", "1,000TB at most"),
        ("CLC_STORE_MEMORY", "9999TB", "1,000TB at most"),
        ("CLC_STORE_MEMORY", "9" * 400 + "TB", "1,000TB at most"),
        ("CLC_STORE_MEMORY", "50%", "700MB or more"),
        ("CLC_STORE_MEMORY", "0.6GB", "700MB or more"),
        ("CLC_ACCOUNTS", ",", "name an account"),
        ("CLC_KEEP", "0mo", "a whole number of months"),
        ("CLC_KEEP", "13m", "a whole number of months"),
        ("CLC_KEEP", "13mo", "set CLC_LAKE to 'on'"),
        ("CLC_QUERY_TIMEOUT_SECONDS", "-1", "greater than 0"),
        ("CLC_DUPLICATE_WINDOW_SECONDS", "inf", "less than or equal to 86400"),
        ("CLC_DUPLICATE_WINDOW_SECONDS", "1e15", "less than or equal to 86400"),
        ("CLC_DUPLICATE_WINDOW_SECONDS", "86401", "less than or equal to 86400"),
        ("CLC_DUPLICATE_WINDOW_SECONDS", "nan", "less than or equal to 86400"),
        ("CLC_DRAIN_SECONDS", "inf", "less than or equal to 86400"),
        ("CLC_DRAIN_SECONDS", "86401", "less than or equal to 86400"),
        ("CLC_HANG_SECONDS", "inf", "less than or equal to 86400"),
        ("CLC_HANG_SECONDS", "86401", "less than or equal to 86400"),
        ("CLC_QUERY_TIMEOUT_SECONDS", "inf", "less than or equal to 3600"),
        ("CLC_QUERY_TIMEOUT_SECONDS", "3601", "less than or equal to 3600"),
        ("CLC_QUERY_MAX_ROWS", "9" * 30, "less than or equal to 1000000000"),
        ("CLC_BACKUP_KEEP", "9" * 30, "less than or equal to 1000000"),
        ("CLC_BACKUP_EVERY", "1", "1d or 6h"),
        ("CLC_BACKUP_EVERY", "86400", "1d or 6h"),
        ("CLC_BACKUP_EVERY", "9" * 400 + "d", "less than or equal to 31622400"),
        ("CLC_BACKUP_EVERY", "367d", "less than or equal to 31622400"),
    ],
)
def test_a_wrong_value_is_one_line_with_variable_value_and_what_is_allowed(monkeypatch, name, value, allowed):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        read_settings()
    text = str(raised.value)
    assert "\n" not in text
    assert text.startswith(name)
    assert allowed in text
    assert value in text


@pytest.mark.parametrize("side", [receiver, reading_side], ids=["receiver", "analytics"])
def test_all_wrong_values_are_named_at_once(monkeypatch, side):
    for name in ("CLC_LISTEN", "CLC_QUERY_LISTEN"):
        monkeypatch.setenv(name, "nowhere")
    with pytest.raises((SettingsError, ReadingSideError)) as raised:
        side.read_settings()
    assert [name for name in ("CLC_LISTEN", "CLC_QUERY_LISTEN") if f"{name} is 'nowhere'" in str(raised.value)] == [
        "CLC_LISTEN", "CLC_QUERY_LISTEN",
    ]  # fmt: skip


def test_a_token_that_is_too_short_is_not_repeated(monkeypatch):
    monkeypatch.setenv("CLC_QUERY_TOKEN", "hunter2")
    with pytest.raises(SettingsError, match="16 characters") as raised:
        read_settings()
    assert "hunter2" not in str(raised.value)


def test_a_certificate_without_its_key_is_refused(monkeypatch):
    monkeypatch.setenv("CLC_TLS_CERT", "cert.pem")
    with pytest.raises(SettingsError, match="CLC_TLS_KEY"):
        read_settings()


@pytest.mark.parametrize(
    "secret", ["hunter2", "x" * 129, "with/slash-and-more", "with space and more", "zw\xf6lf und mehr"]
)
def test_a_url_secret_that_can_not_stand_in_a_url_is_refused_and_not_shown(monkeypatch, secret):
    monkeypatch.setenv("CLC_URL_SECRET", secret)
    with pytest.raises(SettingsError, match=r"^CLC_URL_SECRET is not usable: it must be 16 to 128 letters") as error:
        read_settings(env_file=None)
    assert secret not in str(error.value)


@pytest.mark.parametrize(
    "token",
    ["too short", "the-hidden-token-of-it\r", "the-hidden-tökén-of-it", " the-hidden-one "],
)
def test_a_query_token_that_no_header_can_hold_is_refused_and_not_shown(monkeypatch, token):
    monkeypatch.setenv("CLC_QUERY_TOKEN", token)
    with pytest.raises(SettingsError, match=r"^CLC_QUERY_TOKEN is not usable: it must be 16 char") as error:
        read_settings(env_file=None)
    assert token not in str(error.value)


def test_a_shared_spool_that_is_no_postgresql_is_refused_and_its_password_not_shown(monkeypatch):
    monkeypatch.setenv("CLC_SHARED_SPOOL", "mysql://clc:hunter2@db.example/clc")
    with pytest.raises(
        SettingsError, match=r"^CLC_SHARED_SPOOL is not usable: it must be a URL of PostgreSQL"
    ) as error:
        read_settings(env_file=None)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "rest", ["hunter2%zz@db/clc", "hunter2@[db/clc", "hunter2@db:x/clc", "hunter2/x@db/clc", "x@hunter2@db/clc"]
)
def test_a_shared_spool_that_the_driver_can_not_read_is_refused_and_its_password_not_shown(monkeypatch, rest):
    monkeypatch.setenv("CLC_SHARED_SPOOL", f"postgresql://clc:{rest}")
    with pytest.raises(SettingsError, match=r"^CLC_SHARED_SPOOL is not usable: .* must be written as %25") as error:
        read_settings(env_file=None)
    assert "hunter2" not in str(error.value)


def test_a_data_directory_that_is_a_link_to_one_where_duckdb_loses_its_log_is_refused(tmp_path):
    (tmp_path / "a?b").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "a?b")
    with pytest.raises(SettingsError, match="also behind links, must be UTF-8 and have no question mark"):
        read_settings(data_dir=tmp_path / "data", env_file=None)


@pytest.mark.parametrize("rest", ["db/clc", "hunter%252@db:5432,other:1/clc", "/clc?host=/run/pg", "[::1]:1/clc"])
def test_a_shared_spool_that_the_driver_can_read_is_taken(rest):
    assert read_settings(shared_spool=f"postgresql://{rest}", env_file=None).shared_spool == f"postgresql://{rest}"


@pytest.mark.parametrize("side", [receiver, reading_side])
def test_a_variable_that_is_no_setting_is_named_with_the_nearest_that_is(monkeypatch, tmp_path, side):
    (tmp_path / ".env").write_text("CLC_SIGNATURE=record\nCLC_RULES=rules\nCLC-ACCOUNTS=ACME\nCLC-SECRET-GITHUB=a\n")
    monkeypatch.setenv("CLC_DATADIR", "here")
    monkeypatch.setenv("CLC_ZZZZ", "1")
    monkeypatch.setenv("CLC_WORKING_HOURS", "Mon-Fri 08:00-18:00")
    assert side.find_unknown_variables() == [
        "CLC-ACCOUNTS is no setting and is ignored; did you mean CLC_ACCOUNTS?",
        "CLC-SECRET-GITHUB is no setting and is ignored; did you mean CLC_SECRET_GITHUB?",
        "CLC_DATADIR is no setting and is ignored; did you mean CLC_DATA_DIR?",
        "CLC_SIGNATURE is no setting and is ignored; did you mean CLC_SIGNATURES?",
        "CLC_ZZZZ is no setting and is ignored.",
    ]


@pytest.mark.parametrize("side", [receiver, reading_side])
@pytest.mark.parametrize("read", ["read_settings", "find_unknown_variables"])
def test_a_dot_env_file_that_is_not_utf_8_is_one_sentence_with_its_line(tmp_path, side, read):
    (tmp_path / ".env").write_bytes("CLC_LISTENERS=2\n# für alle\n".encode("latin-1"))
    with pytest.raises((SettingsError, ReadingSideError)) as error:
        getattr(side, read)()
    assert str(error.value) == f"{tmp_path / '.env'} can't be read: line 2 is not UTF-8; save it as UTF-8."


@pytest.mark.parametrize("side", [receiver, reading_side])
def test_a_byte_order_mark_before_a_dot_env_file_hides_no_setting(tmp_path, side):
    (tmp_path / ".env").write_text("\ufeffCLC_QUERY_LISTEN=127.0.0.1:9999\n", encoding="utf-8")
    assert side.read_settings().query_listen == "127.0.0.1:9999"
    assert side.find_unknown_variables() == []


def test_a_byte_order_mark_before_secrets_is_none_of_their_text(tmp_path):
    (tmp_path / "slack").write_text("\ufeffa secret of slack\n", encoding="utf-8")
    settings = receiver.read_settings(env_file=None, secrets_dir=tmp_path)
    assert read_secrets(settings, "slack") == [(str(tmp_path / "slack"), "a secret of slack")]


@pytest.mark.parametrize("side", [receiver, reading_side])
def test_a_dot_env_file_that_can_not_be_read_is_one_sentence(tmp_path, monkeypatch, side):
    def refuse(*_, **__):
        raise PermissionError(EACCES, "Permission denied")

    (tmp_path / ".env").touch()
    monkeypatch.setattr("pathlib.Path.read_text", refuse)
    with pytest.raises((SettingsError, ReadingSideError)) as error:
        side.read_settings()
    expected = f"{tmp_path / '.env'} can't be read (Permission denied); let this user read it, or remove it."
    assert str(error.value) == expected


def test_each_side_knows_the_names_of_the_others_settings():
    receivers, readers = (
        {f"CLC_{name.upper()}" for name in side.Settings.model_fields} for side in (receiver, reading_side)
    )
    assert readers - receivers == receiver.READING_SIDE
    assert receivers - readers == reading_side.RECEIVER


@pytest.mark.parametrize("side", [receiver, reading_side])
@pytest.mark.parametrize("read", ["read_settings", "find_unknown_variables"])
@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('CLC_ACCOUNTS="ZZZZ', 1, "closing quote"),
        ("# accounts\n\n\nCLC_ACCOUNTS='ZZZZ\nCLC_RULES=rules\n", 4, "closing quote"),
        ('\r\nCLC_ACCOUNTS="ZZZZ\r\nCLC_LISTEN="127.0.0.1:1"\r\n', 2, "closing quote"),
        ('CLC_URL_SECRET="0123456789abcdef\nCLC_ACCOUNTS=ZZZZ\nOTHER=""\n', 1, "closing quote"),
        ('OTHER="a\nexport CLC_ACCOUNTS=ZZZZ\nMORE="\n', 1, "closing quote"),
        ('OTHER="\n  CLC_ACCOUNTS=ZZZZ\nMORE="\n', 1, "closing quote"),
        ("CLC_ACCOUNTS: ZZZZ\n", 1, "NAME=VALUE"),
        ("CLC_ACCOUNTS:ZZZZ\n", 1, "no ="),
        ("CLC_LISTENERS=1\nCLC_ACCOUNTS\n", 2, "no ="),
        ("=ZZZZ\n", 1, "NAME=VALUE"),
    ],
)
def test_a_line_of_a_dot_env_file_that_can_not_be_read_is_refused_and_named(tmp_path, side, read, text, line, why):
    (tmp_path / ".env").write_bytes(text.encode())
    with pytest.raises((SettingsError, ReadingSideError)) as error:
        getattr(side, read)()
    assert str(error.value).startswith(f"{tmp_path / '.env'} can't be used: line {line} can't be read, ")
    assert why in str(error.value)
    assert "ZZZZ" not in str(error.value)


@pytest.mark.parametrize("side", [receiver, reading_side])
def test_other_programs_lines_and_values_of_several_lines_are_read(tmp_path, side):
    (tmp_path / ".env").write_text(
        "export OTHER\nPATH_OF=~/x # a comment\nCLC_SECRET_DEMO='-----BEGIN\nkey=\n-----END'\n"
        'DOCKER_ARGS="CLC_DATA_DIR=/data"\nMORE=\' CLC_ACCOUNTS=ACME\'\nSCRIPT="set -a\\nCLC_RULES=x"\n'
        "export CLC_QUERY_LISTEN = '127.0.0.1:9999'\n"
    )
    assert side.read_settings().query_listen == "127.0.0.1:9999"


@pytest.mark.parametrize(
    "command", take_few(["receiver status", "receiver senders", "receiver serve --check", "analytics sql x"], 2)
)
def test_every_command_refuses_a_dot_env_file_with_a_line_that_can_not_be_read(tmp_path, command):
    (tmp_path / ".env").write_text('CLC_ACCOUNTS="ZZZZ')
    package, *arguments = command.split()
    done = run_program(package, *arguments, env=os.environ, cwd=tmp_path)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"Error: {tmp_path / '.env'} can't be used: line 1 ")
    assert done.returncode == (2 if package == "receiver" else 1)


@pytest.mark.parametrize("spool", ["data", "./data/.", "link", "data/backups", "data/aside/mine", "data/opening"])
def test_a_spool_among_other_files_of_the_data_directory_is_refused(tmp_path, spool):
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with pytest.raises(SettingsError, match=r"^CLC_SPOOL_DIR is '.*': it must be a directory that has no other files"):
        read_settings(data_dir="data", spool_dir=spool)


@pytest.mark.parametrize("spool", ["data/spool", "data/fast", "other", ".", "data/spool/backups"])
def test_a_spool_with_a_directory_of_its_own_is_allowed(spool):
    assert str(read_settings(data_dir="data", spool_dir=spool).spool_directory) == spool


@pytest.mark.parametrize("names", ["acme ; Other,THIRD", "acme\nother third,", ";acme,, other, third"])
def test_names_may_be_separated_by_whatever_none_of_them_has(monkeypatch, names):
    monkeypatch.setenv("CLC_ACCOUNTS", names)
    assert read_settings(env_file=None).accounts == {"ACME", "OTHER", "THIRD"}


def test_blanks_around_a_query_token_do_not_count(monkeypatch):
    monkeypatch.setenv("CLC_QUERY_TOKEN", " the-hidden-token-of-it ")
    assert read_settings(env_file=None).query_token == "the-hidden-token-of-it"


@pytest.mark.parametrize("wait", ["1m", "0.00001"])
def test_child_processes_get_the_settings_of_their_parent(monkeypatch, wait):
    settings = read_settings(backup_every="1.5h", acknowledge_wait=wait, query_memory="50%", accounts="acme")
    for name, value in receiver.list_variables(settings).items():
        monkeypatch.setenv(name, value)
    assert read_settings(env_file=None) == receiver.read_passed_settings() == settings


@pytest.mark.parametrize(
    ("name", "passed", "counts_as"),
    [
        ("CLC_BACKUP_EVERY", "86400.0", 86_400),
        ("CLC_BACKUP_EVERY", "86400", 86_400),
        ("CLC_BACKUP_EVERY", "86400000.0", 366 * 86_400),
        ("CLC_BACKUP_EVERY", "86400000.0s", 366 * 86_400),
        ("CLC_QUERY_TIMEOUT_SECONDS", "7200.0", 3_600),
        ("CLC_QUERY_TIMEOUT_SECONDS", "inf", 3_600),
        ("CLC_QUERY_MAX_ROWS", "9" * 30, 1_000_000_000),
        ("CLC_HANG_SECONDS", "nan", 86_400),
        ("CLC_QUERY_MEMORY", "100MB", "128MB"),
        ("CLC_QUERY_MEMORY", "500%", "100%"),
        ("CLC_QUERY_MEMORY", "99999TB", "1000TB"),
        ("CLC_STORE_MEMORY", "99999TB", "1000TB"),
        ("CLC_OBJECTS", "s3://b/p?region=&scheme=http&endpoint#1", "s3://b/p?scheme=http"),
        ("CLC_OBJECTS", "s3://b/p?region", "s3://b/p"),
    ],
)
def test_what_an_older_supervisor_passes_never_keeps_its_children_from_starting(monkeypatch, name, passed, counts_as):
    monkeypatch.setenv("CLC_DATA_DIR", "data")
    monkeypatch.setenv("CLC_SPOOL_DIR", "data/backups")
    monkeypatch.setenv(name, passed)
    settings = receiver.read_passed_settings()
    assert getattr(settings, name.removeprefix("CLC_").lower()) == counts_as
    assert str(settings.spool_directory) == "data/backups"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://b/p#1", "a # in its path must be written as %23"),
        ("s3://b/p#", "a # in its path must be written as %23"),
        ("file:///objects#1", "a # in its path must be written as %23"),
        ("file:///objects?1", "a ? in its path must be written as %3F"),
        ("s3://b/p?region=&scheme=", "each of its options must be NAME=VALUE, and be there once"),
        ("s3://b/p?regionx", "each of its options must be NAME=VALUE, and be there once"),
        ("s3://b/p?scheme=http&scheme=https", "each of its options must be NAME=VALUE, and be there once"),
    ],
)
def test_no_part_of_a_place_for_objects_is_dropped_in_silence(url, said):
    with pytest.raises(SettingsError) as error:
        read_settings(objects=url)
    assert str(error.value) == f"CLC_OBJECTS is not usable: {said}."


@pytest.mark.parametrize(
    ("url", "path"),
    [("s3://b/p%231?region=r", "b/p#1"), ("file:///a%23%3Fb", "/a#?b"), ("/a#b?c", "/a#b?c"), ("s3://b/p?", "b/p")],
)
def test_a_place_for_objects_may_have_any_character(url, path):
    assert split_objects_url(url).path == path


@pytest.mark.parametrize(("name", "passed"), [("CLC_LISTEN", "nowhere"), ("CLC_BACKUP_EVERY", "often")])
def test_what_no_supervisor_passes_is_refused_by_its_children_too(monkeypatch, name, passed):
    monkeypatch.setenv("CLC_QUERY_TIMEOUT_SECONDS", "7200.0")
    monkeypatch.setenv(name, passed)
    with pytest.raises(SettingsError, match=f"^{name} is '{passed}': "):
        receiver.read_passed_settings()


@pytest.mark.parametrize("side", [receiver, reading_side])
def test_the_variables_of_serve_itself_are_not_named(monkeypatch, side):
    monkeypatch.setenv(handover._VARIABLE, "{}")
    monkeypatch.setenv(heartbeat.VARIABLE, "7")
    monkeypatch.setenv(PASSED_SECRETS, "/dev/fd/5")
    assert side.find_unknown_variables() == []
