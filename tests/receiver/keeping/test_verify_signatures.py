"""`clc-receiver verify` judges each signature under the key that it was received under."""

import shutil
from base64 import b64decode

import pytest

from receiver.keeping.verification import UsedKey
from receiver.senders.centurylink.signature import load_public_key, sign
from receiver.senders.copies import remember_profiles
from receiver.senders.keys import compute_fingerprint, load_private_key, write_private_key, write_public_pem
from receiver.senders.profile import load_profile, load_shipped
from tests.durability.support.commands import run_command
from tests.durability.support.stores import accepted, alter, append, spool
from tests.receiver.keeping.verifying import data_dir, names, right
from tests.support.keys import key_directory
from tests.support.rows import notification, notification_of_github
from tests.support.sizes import take_few

__all__ = ["data_dir", "right"]


@pytest.mark.full
def test_signatures_of_other_senders_are_counted_and_neither_their_keys_nor_their_changes_are_missing(tmp_path):
    repository = {"full_name": "Acme/web", "name": "new"}
    body = {"action": "edited", "changes": {"name": {"from": "old"}}, "repository": repository}
    github = {"key_fingerprint": "ab" * 32, "signature": b"hmac"}
    rows = [notification_of_github(number, "repository", body, **github) for number in range(3)]
    gone = notification(9, sender="gone", proof="token", payload=b'{"n":1}')
    unsigned = notification(10, sender="gone", proof="none", signature_status="missing", signature=None)
    spool(tmp_path, [accepted(0), *rows, gone, unsigned])
    append(tmp_path)
    alter(tmp_path, "UPDATE changes SET path = 'n', told = true WHERE sender = 'gone'")  # as its profile had it derived
    done = run_command(tmp_path, "verify")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Valid signatures: 1 by the key" in done.stderr
    assert "Not checked: 3 signatures of github; they need the shared secret abababababababab: set" in done.stderr
    assert "Not checked: 2 notifications of gone; there is no profile of this sender" in done.stderr
    alter(tmp_path, "DELETE FROM delivery_ids WHERE seq = 3")
    alter(tmp_path, "UPDATE changes SET old_value = '1' WHERE seq = 2 AND path = 'name'")
    alter(tmp_path, "UPDATE notifications SET sender = 'gone' WHERE seq = 1")
    done = run_command(tmp_path, "verify")
    assert done.returncode == 1
    assert {"view", "changes seq 2", "changes seq 1"} <= set(names(done))


@pytest.mark.full
def test_a_sender_whose_profile_was_taken_out_is_checked_under_the_saved_one_but_for_its_changes(tmp_path):
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    text = (load_shipped()["github"].path).read_text()
    (profiles / "forge.toml").write_text(text.replace('name = "github"', 'name = "forge"', 1))
    remember_profiles(tmp_path, [load_profile(profiles / "forge.toml")])
    repository = {"full_name": "Acme/web", "name": "new"}
    row = notification_of_github(0, "repository", {"action": "edited", "repository": repository})
    spool(tmp_path, [row._replace(sender="forge", signature=b"hmac", key_fingerprint=None)])
    append(tmp_path)
    done = run_command(tmp_path, "verify", CLC_SECRET_FORGE="a secret of the forge")
    assert names(done) == ["signature seq 1"]  # no such HMAC was made
    assert "Not checked: 1 notification of forge; its profile is in CLC_SENDERS no more, and was saved" in done.stderr
    alter(tmp_path, "UPDATE notifications SET entity_id = 'ACME/SHOP'")
    assert names(run_command(tmp_path, "verify")) == ["derived seq 1"]


@pytest.mark.full
def test_unsigned_notifications_are_counted(data_dir):
    assert "Unsigned" not in run_command(data_dir, "verify").stderr
    alter(data_dir, "UPDATE notifications SET signature_status = 'missing', signature = NULL WHERE seq = 2")
    assert "Unsigned: 1." in run_command(data_dir, "verify").stderr


def test_signatures_are_not_judged_under_another_key_than_they_were_received_under(data_dir):
    """A shell that lacks the key of `serve` is no proof of forgery."""
    done = run_command(data_dir, "verify", CLC_PUBLIC_KEY="")
    assert (done.returncode, done.stdout) == (2, "")
    (which, nothing) = done.stderr.splitlines()
    key = compute_fingerprint(load_public_key(key_directory() / "public.pem"))
    assert which == (
        f"12 notifications, the first of them seq 1, were received under the public key {key}, "
        "which is not at hand: name its file with --public-key."
    )
    assert nothing == "Nothing was checked."
    one = "Notification seq 7 was received under the public key ab, which is not at hand"
    assert UsedKey("ab", 1, 7).describe_lack() == one
    named = run_command(data_dir, "verify", "--public-key", str(key_directory() / "public.pem"), CLC_PUBLIC_KEY="")
    assert (named.returncode, named.stdout) == (0, ""), named.stderr
    assert key in named.stderr


@pytest.mark.full
def test_a_kept_key_that_is_not_the_one_of_its_name_is_not_used(data_dir):
    key = compute_fingerprint(load_public_key(key_directory() / "public.pem"))
    (data_dir / "keys").mkdir()
    (data_dir / "keys" / f"{key}.pem").write_bytes(write_public_pem(load_public_key(None)))
    done = run_command(data_dir, "verify", CLC_PUBLIC_KEY="")
    assert done.returncode == 2
    assert f"{data_dir / 'keys' / key}.pem holds another key or none, or can't be read; name a copy" in done.stderr


def test_an_altered_fingerprint_is_named_whatever_it_is(data_dir):
    (data_dir / "keys").mkdir()
    altered = "a" * 300
    alter(data_dir, f"UPDATE notifications SET key_fingerprint = '\x1b{altered}' WHERE seq = 7")
    done = run_command(data_dir, "verify")
    told = f"Notification seq 7 was received under the public key \\u001b{altered}, which is not at hand: name its file"
    assert (done.returncode, done.stderr) == (2, f"{told} with --public-key.\nNothing was checked.\n")


@pytest.mark.parametrize("noted", take_few([True, False], 1))
def test_notifications_of_several_keys_are_each_checked_under_their_own(data_dir, tmp_path, noted):
    write_private_key(tmp_path / "other.pem")
    other = load_private_key(tmp_path / "other.pem")
    pem = tmp_path / "other.pub"
    pem.write_bytes(write_public_pem(other.public_key()))
    row = accepted(30)
    signature = b64decode(sign(other, row.payload))
    spool(data_dir, [row._replace(signature=signature, key_fingerprint=compute_fingerprint(other.public_key()))])
    append(data_dir)
    if not noted:
        alter(data_dir, "UPDATE notifications SET key_fingerprint = NULL")
        shutil.rmtree(data_dir / "spool")
    done = run_command(data_dir, "verify", "--public-key", str(pem))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    alter(data_dir, "UPDATE notifications SET payload = replace(payload, '1.50', '1.5') WHERE seq IN (4, 13)")
    shutil.rmtree(data_dir / "spool", ignore_errors=True)
    done = run_command(data_dir, "verify", "--public-key", str(pem))
    assert names(done) == ["signature seq 4", "signature seq 13"]
