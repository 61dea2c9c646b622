"""The settings of the reading side: where they come from, and what a wrong one says."""

import pytest

import analytics
from analytics.errors import SettingsError, TokenError
from analytics.settings import as_url, read_settings


@pytest.fixture(autouse=True)
def _own_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("CLC_DATA_DIR", "CLC_QUERY_LISTEN", "CLC_QUERY_TOKEN", "CLC_LISTEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("address", ["here", "a..b:80"])
def test_a_wrong_setting_names_variable_value_and_what_is_allowed(monkeypatch, address):
    monkeypatch.setenv("CLC_QUERY_LISTEN", address)
    with pytest.raises(SettingsError) as told:
        analytics.connect()
    assert str(told.value) == f"CLC_QUERY_LISTEN is {address!r}; it must be host:port, like 127.0.0.1:8081."


@pytest.mark.parametrize("name", ["CLC_LISTEN", "CLC_RULES", "CLC_TIME_ZONE"])
def test_a_setting_that_is_no_text_is_told(monkeypatch, name):
    monkeypatch.setenv(name, "\udcff")
    with pytest.raises(SettingsError, match=rf"{name} is '\\udcff', which is no UTF-8 text\."):
        read_settings()


def test_settings_come_from_a_dot_env_file_too(tmp_path):
    (tmp_path / ".env").write_text("CLC_QUERY_LISTEN=127.0.0.1:9999\nCLC_DATA_DIR=elsewhere\nOTHER=1\n")
    settings = read_settings()
    assert settings.query_url == "http://127.0.0.1:9999"
    assert str(settings.token_file) == "elsewhere/query.token"


@pytest.mark.parametrize("given", [".env", "variables", "nothing"])
def test_a_notebooks_folder_finds_the_settings_and_the_data_directory_above_it(tmp_path, monkeypatch, given):
    name = "data" if given == "nothing" else "elsewhere"
    (tmp_path / name).mkdir()
    (tmp_path / name / "query.token").write_text("the-token\n")
    (tmp_path / "rules").mkdir()
    if given == ".env":
        (tmp_path / ".env").write_text("CLC_QUERY_LISTEN=127.0.0.1:9999\nCLC_DATA_DIR=elsewhere\nCLC_RULES=rules\n")
    elif given == "variables":
        monkeypatch.setenv("CLC_DATA_DIR", "elsewhere")
    below = tmp_path / "clone" / "notebooks"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    settings = read_settings()
    assert settings.read_token() == "the-token"
    assert settings.data_dir == tmp_path / name
    if given == ".env":
        assert (settings.query_url, settings.rules) == ("http://127.0.0.1:9999", tmp_path / "rules")


@pytest.mark.parametrize("why", ["anyone may write there", "another user owns it"])
def test_no_settings_come_from_a_directory_that_another_user_could_fill(tmp_path, monkeypatch, why):
    (tmp_path / ".env").write_text("CLC_QUERY_LISTEN=attacker.example:80\n")
    below = tmp_path / "work"
    below.mkdir()
    monkeypatch.chdir(below)
    if why == "anyone may write there":
        tmp_path.chmod(0o777)
    else:
        monkeypatch.setattr("analytics.base_directory.os.geteuid", lambda: 4711)
    assert read_settings().query_listen == "127.0.0.1:8081"


def test_blanks_around_a_token_and_whatever_separates_hosts_do_not_count(monkeypatch):
    monkeypatch.setenv("CLC_QUERY_TOKEN", " the-hidden-token ")
    monkeypatch.setenv("CLC_DASHBOARD_HOSTS", "clc.example; Other.example\n[::1]")
    settings = read_settings()
    assert settings.read_token() == "the-hidden-token"
    assert settings.dashboard_hosts == {"clc.example", "other.example", "::1"}


@pytest.mark.parametrize("token", ["the-hidden-token\r", "the-hidden\ntoken", "the-hidden-tökén"])
def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(tmp_path, monkeypatch, token):
    monkeypatch.setenv("CLC_QUERY_TOKEN", token)
    with pytest.raises(SettingsError) as told:
        read_settings()
    assert str(told.value) == "CLC_QUERY_TOKEN is (hidden); it must be a line of printable ASCII characters."
    monkeypatch.delenv("CLC_QUERY_TOKEN")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "query.token").write_text(f"{token}x", encoding="utf-8")
    with pytest.raises(TokenError, match="is no line of printable ASCII") as refused:
        read_settings().read_token()
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("0.0.0.0:8081", "http://127.0.0.1:8081"),
        ("[::]:8081", "http://[::1]:8081"),
        ("stats.example:80", "http://stats.example:80"),
        (":8081", "http://127.0.0.1:8081"),
    ],
)
def test_an_address_to_listen_on_becomes_a_url_to_ask(address, url):
    assert as_url(address) == url
