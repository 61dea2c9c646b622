"""The files that `serve` has read when it began: it goes on with them, whatever becomes of them."""

import os
import signal
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from receiver.data_directory.node import ALL_PARTS
from receiver.errors import KeyFileError
from receiver.keeping.care import gather, judge
from receiver.keeping.care.files import look_at_files
from receiver.processes.state import ServeState, read_state
from receiver.senders.profile import load_directory
from receiver.settings import read_settings
from receiver.supervision import begin, handover, used_files
from receiver.supervision.used_files import UsedFiles
from tests.durability.support.commands import run_command
from tests.receiver.senders.profile.profiles import MINIMAL
from tests.support.keys import key_directory, make_certificate, write_key
from tests.support.processes import Receiver, running
from tests.support.waiting import until


def write_tls(directory: Path) -> str:
    """Write a new certificate and its key, and return the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = make_certificate(key)
    (directory / "cert.pem").write_bytes(certificate)
    (directory / "key.pem").write_bytes(write_key(key))
    return certificate.decode()


def read_served(receiver):
    """Return the certificate that a listener shows."""
    address = urlsplit(receiver.url)
    return ssl.get_server_certificate((address.hostname, address.port), timeout=10)


def find_certificate(data_dir):
    """Return the state and the text of the figure of the certificate."""
    status = judge(gather(read_settings(env_file=None, data_dir=data_dir), None))
    (found,) = [(figure.state, figure.text) for figure in status.figures if figure.name == "certificate"]
    return found


def test_a_listener_starts_again_under_its_certificate_and_shows_a_renewed_one_after_an_upgrade(tmp_path):
    first, data_dir = write_tls(tmp_path), tmp_path / "data"
    with running(Receiver, data_dir, CLC_TLS_CERT="../cert.pem", CLC_TLS_KEY="../key.pem") as receiver:
        assert find_certificate(data_dir)[0] == "ok"
        (tmp_path / "key.pem").write_text("half wri")
        os.kill(receiver.children()["listener"], signal.SIGKILL)
        until(lambda: read_state(data_dir).processes["listener 1"].restarts, what="another listener")
        assert read_served(receiver) == first
        state, text = find_certificate(data_dir)
        assert (state, f"CLC_TLS_KEY ({data_dir}/../key.pem) holds no private key" in text) == ("amber", True), text
        second = write_tls(tmp_path)
        assert run_command(data_dir, "upgrade").returncode == 0
        assert read_served(receiver) == second != first


def test_the_next_version_waits_for_a_file_that_is_written_while_it_takes_over(tmp_path, monkeypatch):
    monkeypatch.setattr(handover, "_PAUSE_SECONDS", 0.0)
    half, settings = tmp_path / "half.pem", read_settings(env_file=None, public_key=tmp_path / "public.pem")
    parts = iter([b"-----BEGIN", (key_directory() / "public.pem").read_bytes()])

    def check():
        half.write_bytes(next(parts))
        half.replace(tmp_path / "public.pem")
        begin.check_files(settings)

    handover.insist(check)
    monkeypatch.setattr(handover, "_PATIENCE_SECONDS", 0.0)
    (tmp_path / "public.pem").unlink()
    with pytest.raises(KeyFileError):
        handover.insist(lambda: begin.check_files(settings))


def test_the_next_version_waits_for_a_file_that_goes_away_just_after_it_was_checked(tmp_path, monkeypatch):
    monkeypatch.setattr(handover, "_PAUSE_SECONDS", 0.0)
    key, away = tmp_path / "key.pem", tmp_path / "away.pem"
    certificate, check = write_tls(tmp_path), begin.check_files

    def check_and_lose(settings):
        is_first = key.exists()
        if not is_first:
            away.rename(key)
        check(settings)
        if is_first:
            key.rename(away)

    monkeypatch.setattr(used_files, "check_files", check_and_lose)
    settings = read_settings(env_file=None, tls_cert=tmp_path / "cert.pem", tls_key=key)
    copies = handover.insist(lambda: UsedFiles(settings)).list_copies()
    assert copies["tls_cert"].read_text() == certificate


def test_an_own_profile_stays_whatever_becomes_of_it_and_of_its_examples_and_goes_at_the_next_begin(tmp_path):
    own, shown = tmp_path / "own", tmp_path / "shown.json"
    (own / "example").mkdir(parents=True)
    profile = own / "example" / "profile.toml"
    shown.write_text('{"type": "A"}')
    example = f'[[examples]]\nfile = "{shown}"\nreceived_at = 2026-03-01T00:00:00Z\nrow = {{ event_type = "A" }}\n'
    profile.write_text(f"{MINIMAL}{example}")
    copies = tmp_path / "data" / "used_profiles"
    copies.mkdir(parents=True)
    (copies / "example").write_text("It was an example.")
    settings = read_settings(env_file=None, data_dir=tmp_path / "data", senders=own)
    used = UsedFiles(settings)
    profile.write_text("name = ")
    shown.unlink()
    assert used.list_copies()["senders"] == copies
    assert list(load_directory(copies)) == ["example"]
    assert used.describe_state().senders == str(own)
    profile.unlink()
    assert list(UsedFiles(settings).list_copies()["senders"].iterdir()) == []


def test_the_end_of_the_certificate_is_that_of_the_copy(tmp_path, monkeypatch):
    def renew(_):
        (tmp_path / "cert.pem").write_text("half wri")
        return b""

    write_tls(tmp_path)
    monkeypatch.setattr(used_files, "write_secrets", renew)
    settings = read_settings(env_file=None, tls_cert=tmp_path / "cert.pem", tls_key=tmp_path / "key.pem")
    assert UsedFiles(settings).describe_state().certificate_ends


@pytest.mark.timeout(60)
def test_no_status_waits_for_the_writer_of_a_pipe(tmp_path):
    tls, key, secret = tmp_path / "tls.pem", tmp_path / "key.pem", tmp_path / "github"
    for pipe in (tls, key, secret):
        os.mkfifo(pipe)
    serve = ServeState(pid=1, version="1", started_at="", tls_files=[str(tls)] * 2, key_file=str(key))
    settings = read_settings(env_file=None, secrets_dir=tmp_path)
    seen = look_at_files(settings, serve, ALL_PARTS, is_serving=True, in_store=False)
    assert (seen.tls_unusable, seen.key_unusable) == (None, None)
    assert seen.secrets_unusable == [f"The secrets of {secret} can't be read: it is a pipe; make it a file."]
    settings = read_settings(env_file=None, data_dir=tmp_path, public_key=key)
    figures = {figure.name: figure for figure in judge(gather(settings, None)).figures}
    assert figures["key_fingerprint"].text == "not known. CLC_PUBLIC_KEY is a pipe, which `serve` alone reads."


def test_what_is_written_into_the_directory_of_the_copies_stays_if_it_is_the_users_own(tmp_path):
    own = tmp_path / "used_profiles"
    own.mkdir()
    profile, note = own / "example.toml", own / "README"
    profile.write_text(MINIMAL)
    used = UsedFiles(read_settings(env_file=None, data_dir=tmp_path, senders=own))
    for file in (profile, note):
        file.write_text("# Not finished yet")
    assert "senders" not in used.list_copies()
    assert {file.read_text() for file in own.iterdir()} == {"# Not finished yet"}
    assert sorted(own.iterdir()) == [note, profile]
