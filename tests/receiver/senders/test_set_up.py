"""Secrets and profiles: what can't be read is refused, and never taken for none."""

import errno
import os
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from receiver.errors import ProfileError, SettingsError
from receiver.keeping.care.facts import gather
from receiver.senders import load_senders, set_up
from receiver.senders.keys import compute_fingerprint
from receiver.senders.set_up import (
    find_taken,
    find_unusable,
    load_profiles,
    load_secrets,
    load_usable,
    read_secrets,
    write_secrets,
)
from receiver.settings import read_settings
from tests.receiver.senders.profile.profiles import MINIMAL

SECRET = "a secret for tests alone"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def closed(monkeypatch, tmp_path):
    """A directory that this user can't list; tests may run as root, whom no mode keeps out."""
    directory = tmp_path / "closed"
    directory.mkdir()
    (directory / "github").write_text(SECRET)
    refuse_for(monkeypatch, os, "listdir", directory)
    refuse_for(monkeypatch, os, "scandir", directory)
    return directory


def refuse_for(monkeypatch, module, name, directory):
    real = getattr(module, name)

    def refuse(path=".", *arguments, **options):
        if Path(path) == directory:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(module, name, refuse)


@pytest.mark.parametrize("setting", ["senders", "secrets_dir"])
def test_a_directory_that_is_not_there_or_is_a_file_is_refused(tmp_path, setting):
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(SettingsError) as error:
            find_taken(read_settings(**{setting: path}))
        assert str(error.value) == f"CLC_{setting.upper()} is '{path}': it must be a directory."


@pytest.mark.parametrize("setting", ["senders", "secrets_dir"])
def test_a_directory_that_can_not_be_read_is_refused(closed, setting):
    with pytest.raises(SettingsError) as error:
        find_taken(read_settings(**{setting: closed}))
    assert str(error.value) == f"CLC_{setting.upper()} is '{closed}': it can't be read (Permission denied)."


@pytest.mark.parametrize("setting", ["senders", "secrets_dir"])
def test_a_directory_that_can_be_listed_and_not_entered_is_refused(tmp_path, monkeypatch, setting):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SettingsError, match=f"CLC_{setting.upper()} is .* its files can't be read"):
        find_taken(read_settings(**{setting: tmp_path}))


def test_the_store_refuses_such_a_directory_of_profiles_too(tmp_path, closed):
    for path in (tmp_path / "none", closed):
        with pytest.raises(SettingsError, match="CLC_SENDERS"):
            load_senders(path)


def test_a_folder_of_a_profile_that_can_not_be_read_is_refused(tmp_path, monkeypatch):
    (tmp_path / "billing").mkdir()
    (tmp_path / "lost+found").mkdir()
    profile, stat, read = tmp_path / "billing" / "profile.toml", Path.stat, Path.read_text

    def refuse(path, *arguments, does=stat, **options):
        if path.name == "profile.toml" and path.parent.parent == tmp_path:
            raise PermissionError(errno.EACCES, "Permission denied")
        return does(path, *arguments, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    monkeypatch.setattr(Path, "read_text", partialmethod(refuse, does=read))
    with pytest.raises(ProfileError) as error:
        load_senders(tmp_path)
    assert str(error.value) == f"{profile}: it can't be read: Permission denied."


def test_a_file_of_secrets_that_leads_nowhere_is_refused(tmp_path):
    (tmp_path / "github").symlink_to(tmp_path / "none")
    with pytest.raises(SettingsError, match=r"The secrets of .*github can't be read"):
        find_taken(read_settings(secrets_dir=tmp_path))


def test_a_directory_or_other_bytes_in_place_of_a_file_of_secrets_are_named_in_plain_words(tmp_path):
    (tmp_path / "github").mkdir()
    with pytest.raises(SettingsError) as error:
        read_secrets(read_settings(secrets_dir=tmp_path), "github")
    assert str(error.value) == (
        f"The secrets of {tmp_path}/github can't be read: it is a directory; "
        "make it a file, with a secret on each line."
    )
    (tmp_path / "slack").write_bytes(b"\xff" * 40)
    with pytest.raises(SettingsError) as error:
        read_secrets(read_settings(secrets_dir=tmp_path), "slack")
    assert str(error.value) == f"The secrets of {tmp_path}/slack can't be read: it is not UTF-8; save it as UTF-8."


def test_status_names_the_secrets_that_can_not_be_used_any_more(tmp_path):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    assert gather(read_settings(data_dir=tmp_path, secrets_dir=secrets), None).files.secrets_unusable == []
    (secrets / "github").mkdir()
    (secrets / "stripe").write_text("short\n")
    github, stripe = gather(read_settings(data_dir=tmp_path, secrets_dir=secrets), None).files.secrets_unusable
    assert github.startswith(f"The secrets of {secrets}/github can't be read: it is a directory")
    assert stripe.startswith(f"{secrets}/stripe can't be used: The secret has 5 bytes")
    (away,) = gather(read_settings(data_dir=tmp_path, secrets_dir=tmp_path / "none"), None).files.secrets_unusable
    assert away == f"CLC_SECRETS_DIR is '{tmp_path}/none': it must be a directory."


def test_a_look_at_the_secrets_reads_dot_env_once_and_a_pipe_in_its_place_never(monkeypatch):
    read = []

    def note(file):
        read.append(file)
        return {"CLC_SECRET_STRIPE": "short"}

    monkeypatch.setattr(set_up, "read_dot_env", note)
    (short,) = find_unusable(read_settings(env_file=None)).secrets
    assert (short.startswith("CLC_SECRET_STRIPE can't be used"), read) == (True, [".env"])
    os.mkfifo(".env")
    find_unusable(read_settings(env_file=None))
    assert read == [".env", None]


def test_lines_of_secrets_that_begin_with_a_hash_and_a_blank_are_comments(tmp_path):
    path = tmp_path / "slack"
    path.write_text(f"# the secret of slack since May\n{SECRET}\n#\n  #\tthe one before\n\nanother # {SECRET}\n")
    secrets = read_secrets(read_settings(secrets_dir=tmp_path), "slack")
    assert secrets == [(str(path), SECRET), (str(path), f"another # {SECRET}")]


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa-p256"])
def test_a_file_of_secrets_may_have_public_keys_in_pem_form_one_after_the_other(tmp_path, kind):
    make: Any = {
        "ed25519": Ed25519PrivateKey.generate,
        "rsa": lambda: generate_private_key(65537, 2048),
        "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    }[kind]
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    first, second = (make().public_key().public_bytes(*form).decode() for _ in range(2))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "example.toml").write_text(
        MINIMAL.replace('"none"', f'"{kind}"\nheader = "X-Signature"\nencoding = "base64"')
    )
    (tmp_path / "secrets").mkdir()
    path = tmp_path / "secrets" / "example"
    path.write_text(f"# since May\n{first}\n# the one before\n{second.rstrip()}".replace("\n", "\r\n"))
    settings = read_settings(secrets_dir=path.parent, senders=tmp_path / "own")
    (secrets,) = load_secrets(settings, [load_profiles(settings)["example"]]).values()
    assert [each.fingerprint for each in secrets] == [
        compute_fingerprint(serialization.load_pem_public_key(each.encode())) for each in (first, second)
    ]
    path.write_text(first.replace("-----END", "----END"))
    with pytest.raises(SettingsError, match=r"example can't be used: The text is no public key in PEM form"):
        find_taken(settings)


def test_a_variable_of_no_sender_may_hold_any_bytes(monkeypatch):
    odd = os.fsdecode(b"\xff of nobody for tests")
    monkeypatch.setenv("CLC_SECRET_NOBODY", odd)
    settings = read_settings(env_file=None)
    assert load_usable(settings).texts == {odd}
    Path("passed").write_bytes(write_secrets(settings))
    monkeypatch.setenv("CLC_SERVE_SECRETS", "passed")
    assert load_usable(settings).texts == {odd}


def test_a_secret_that_begins_with_a_hash_is_one(tmp_path):
    path = tmp_path / "slack"
    path.write_text(f"#{SECRET}\n")
    settings = read_settings(secrets_dir=tmp_path)
    assert read_secrets(settings, "slack") == [(str(path), f"#{SECRET}")]
    assert "slack" in find_taken(settings)[0]
