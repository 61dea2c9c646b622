"""Secrets and profiles with a misspelt name are named with the nearest that is right."""

import errno
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.cli import main
from receiver.senders import set_up
from receiver.senders.set_up import find_unclaimed
from receiver.settings import read_settings
from tests.receiver.senders.profile.profiles import MINIMAL

SECRET = "a secret for tests alone"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def test_a_variable_that_is_the_secret_of_no_sender_is_named_with_the_nearest(monkeypatch, tmp_path):
    monkeypatch.setenv("CLC_SECRET_GITHUB", SECRET)
    monkeypatch.setenv("CLC_SECRET_GITHUBB", SECRET)
    monkeypatch.setenv("CLC_SECRET_EMPTY", "")
    (tmp_path / ".env").write_text(f"CLC_SECRET_ZZZ={SECRET}\n")
    assert find_unclaimed(read_settings()) == [
        "CLC_SECRET_GITHUBB is the secret of no sender and is ignored; did you mean CLC_SECRET_GITHUB?",
        "CLC_SECRET_ZZZ is the secret of no sender and is ignored.",
    ]


def test_a_file_with_the_secrets_of_no_sender_is_named_with_the_nearest(tmp_path):
    meant = {"GitHub": "github", "gitlab.txt": "gitlab", "standard_webhooks": "standard-webhooks", "stripee": "stripe"}
    for name in (*meant, "slack", "README", "..data"):
        (tmp_path / name).write_text(SECRET)
    sentences = find_unclaimed(read_settings(secrets_dir=tmp_path))
    assert sentences.pop(1) == f"{tmp_path / 'README'} has the secrets of no sender and is ignored."
    assert sentences == [
        f"{tmp_path / name} has the secrets of no sender and is ignored; did you mean {nearest}?"
        for name, nearest in meant.items()
    ]


def test_a_file_or_a_variable_of_a_sender_that_has_no_secret_is_named(monkeypatch, tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, text in {"github": f"# {SECRET}\n\n#\n", "gitlab": f"# since May\n{SECRET}\n", "slack": ""}.items():
        (secrets / name).write_text(text)
    monkeypatch.setenv("CLC_SECRET_SHOPIFY", " , ")
    monkeypatch.setenv("CLC_SECRET_STRIPE", "")
    (tmp_path / ".env").write_text(f"CLC_SECRET_STRIPE={SECRET}\n")
    comment = "a comment begins with # and a blank."
    assert find_unclaimed(read_settings(secrets_dir=secrets)) == [
        "CLC_SECRET_SHOPIFY has no secret and is ignored.",
        "CLC_SECRET_STRIPE has no secret and is ignored.",
        f"{secrets / 'github'} has no secret and is ignored; {comment}",
        f"{secrets / 'slack'} has no secret and is ignored; {comment}",
    ]


def test_a_file_that_is_no_profile_is_named_with_the_name_that_it_should_have(tmp_path):
    meant = {
        "bill.tml": "bill.toml",
        "bill/bill.toml": "bill/profile.toml",
        "pay/Profile.toml.txt": "pay/profile.toml",
        "all/send/profile.toml": "all/profile.toml",
    }
    for name in (*meant, "one.toml", "one/example.json", "notes.txt", ".old.tml"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(MINIMAL.replace('"example"', '"one"'))
    assert find_unclaimed(read_settings(senders=tmp_path)) == [
        f"{tmp_path / name} is no profile and is ignored; did you mean {tmp_path / nearest}?"
        for name, nearest in meant.items()
    ]


def test_a_file_in_a_folder_that_can_not_be_entered_is_named(tmp_path, monkeypatch):
    (tmp_path / "acme" / "data").mkdir(parents=True)
    path, stat = tmp_path / "acme" / "data" / "x.toml", Path.stat
    path.touch()

    def refuse(each, **options):
        if each.parent == path.parent:
            raise PermissionError(errno.EACCES, "Permission denied", str(each))
        return stat(each, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    (sentence,) = find_unclaimed(read_settings(senders=tmp_path))
    assert sentence == f"{path} can't be read (Permission denied) and is ignored."


def test_what_can_not_be_found_out_keeps_serve_from_nothing(monkeypatch, tmp_path):
    def fail(_settings):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setenv("CLC_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(set_up, "find_unclaimed", fail)
    monkeypatch.setattr("receiver.supervision.supervisor.serve", lambda *_: None)
    monkeypatch.setattr("receiver.commands.serve.set_up_logging", lambda *_: None)
    assert CliRunner().invoke(main, ["serve"]).exit_code == 0


def test_the_commands_say_so(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("CLC_SECRET_GITHUBB", SECRET)
    monkeypatch.setenv("CLC_DATA_DIR", str(tmp_path / "data"))
    sentence = "CLC_SECRET_GITHUBB is the secret of no sender and is ignored; did you mean CLC_SECRET_GITHUB?"
    assert f"Warning: {sentence}\n" in CliRunner().invoke(main, ["senders"]).output
    assert f"note   Sender          {sentence}\n" in CliRunner().invoke(main, ["check"]).output
    monkeypatch.setattr("receiver.supervision.supervisor.serve", lambda *_: None)
    monkeypatch.setattr("receiver.commands.serve.set_up_logging", lambda *_: None)
    assert CliRunner().invoke(main, ["serve"]).exit_code == 0
    assert sentence in caplog.messages
