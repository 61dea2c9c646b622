"""Signatures, the published key, and key files."""

import base64
import hashlib
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from receiver.errors import KeyFileError
from receiver.senders.centurylink import signature as signatures
from receiver.senders.centurylink.signature import load_public_key, sign
from receiver.senders.keys import (
    compute_fingerprint,
    load_private_key,
    remember_key,
    write_private_key,
    write_public_pem,
)
from tests.support import bodies

PLATFORM_KEY_FINGERPRINT = "e62a0ca8aae67c6f18b6028b2a32d6045ef04eaea179110bd8c48133df59516b"
CAPTURED_DIGEST = bytes.fromhex("3d638087c32554b2d17917b4beced1b1109c7c67")
SHA1_DIGEST_INFO = bytes.fromhex("3021300906052b0e03021a05000414")


def check_signature(key, header, body):
    return signatures.check_signature(key, {} if header is None else {"tier3-rsasha1": header}, body)


@pytest.fixture(scope="module")
def private_key(tmp_path_factory):
    return write_private_key(tmp_path_factory.mktemp("key") / "key.pem")


@pytest.fixture(scope="module")
def public_key(private_key):
    return private_key.public_key()


def test_the_shipped_key_is_the_one_the_platform_published():
    assert compute_fingerprint(load_public_key(None)) == PLATFORM_KEY_FINGERPRINT


def test_a_real_signature_opens_under_the_shipped_key_to_a_whole_block_with_its_sha1_digest():
    numbers = load_public_key(None).public_numbers()
    signature = base64.b64decode(bodies.CAPTURED_SIGNATURE, validate=True)
    block = pow(int.from_bytes(signature), numbers.e, numbers.n).to_bytes(256)
    assert block == b"\x00\x01" + b"\xff" * 218 + b"\x00" + SHA1_DIGEST_INFO + CAPTURED_DIGEST


def test_the_real_signature_opens_with_the_padding_and_hash_that_are_checked_here():
    signature = base64.b64decode(bodies.CAPTURED_SIGNATURE, validate=True)
    assert load_public_key(None).recover_data_from_signature(signature, PKCS1v15(), SHA1()) == CAPTURED_DIGEST


def test_the_body_masked_by_its_publisher_does_not_verify():
    assert hashlib.sha1(bodies.USER_MASKED).hexdigest().startswith("6478193d")
    status, signature = check_signature(load_public_key(None), bodies.CAPTURED_SIGNATURE, bodies.USER_MASKED)
    assert status == "invalid"
    assert signature == base64.b64decode(bodies.CAPTURED_SIGNATURE)


@pytest.mark.parametrize("body", [bodies.SERVER, bodies.USER, b"", b"\x00\xff not JSON", b"x" * 1_000_000])
def test_what_is_signed_verifies(private_key, public_key, body):
    header = sign(private_key, body)
    assert len(header) == 344
    assert "\n" not in header
    assert check_signature(public_key, header, body) == ("valid", base64.b64decode(header))


@pytest.mark.parametrize("position", [0, 1, 100, len(bodies.ALERT) - 1])
def test_one_bit_of_the_body_changed_makes_it_invalid(private_key, public_key, position):
    changed = bytearray(bodies.ALERT)
    changed[position] ^= 1
    assert check_signature(public_key, sign(private_key, bodies.ALERT), bytes(changed))[0] == "invalid"


@pytest.mark.parametrize("position", [0, 1, 127, 255])
@pytest.mark.parametrize("bit", [1, 128])
def test_one_bit_of_the_signature_changed_makes_it_invalid(private_key, public_key, position, bit):
    signature = bytearray(base64.b64decode(sign(private_key, bodies.ALERT)))
    signature[position] ^= bit
    header = base64.b64encode(signature).decode()
    assert check_signature(public_key, header, bodies.ALERT) == ("invalid", bytes(signature))


def test_the_body_written_again_from_its_parsed_form_does_not_verify(private_key, public_key):
    assert check_signature(public_key, sign(private_key, b'{"gb":0.0}'), b'{"gb":0}')[0] == "invalid"


def test_a_signature_by_another_key_is_invalid(private_key):
    assert check_signature(load_public_key(None), sign(private_key, bodies.USER), bodies.USER)[0] == "invalid"


@pytest.mark.parametrize("header", [None, "", " ", " \t\r\n "])
def test_no_signature_is_missing(public_key, header):
    assert check_signature(public_key, header, bodies.USER) == ("missing", None)


def test_white_space_around_a_signature_is_no_part_of_it(private_key, public_key):
    assert check_signature(public_key, f" \t{sign(private_key, b'{}')}\r\n", b"{}")[0] == "valid"


@pytest.mark.parametrize(
    "header",
    [
        "=",
        "====",
        "A",
        "AAA",
        "AAAA=",
        "AA==AAAA",
        "AA-_",
        "AAAA AAAA",
        "AAAA\nAAAA",
        "AB==",
        "é",
        "AAAé",
        "\x00",
        "🔑",
    ],
)
def test_what_is_no_base64_is_invalid_and_nothing_is_kept_of_it(public_key, header):
    assert check_signature(public_key, header, bodies.USER) == ("invalid", None)


def test_url_safe_unpadded_or_broken_base64_of_a_good_signature_is_invalid(private_key, public_key):
    good = sign(private_key, b"{}")
    spoilt = [good.rstrip("="), good + "=", good[:100] + "\n" + good[100:], good[:100] + "*" + good[100:], good * 2]
    spoilt += [good[:-3] + {"A": "B", "Q": "R", "g": "h", "w": "x"}[good[-3]] + "=="]
    assert [check_signature(public_key, header, b"{}") for header in spoilt] == [("invalid", None)] * len(spoilt)


@pytest.mark.parametrize("length", [1, 20, 255, 257, 30_000])
def test_a_signature_of_another_length_is_invalid(public_key, length):
    signature = b"\x01" * length
    header = base64.b64encode(signature).decode()
    assert check_signature(public_key, header, bodies.USER) == ("invalid", signature)


def test_a_key_that_was_written_is_its_owners_only_and_loads_again(tmp_path):
    path = tmp_path / "key.pem"
    written = write_private_key(path)
    assert written.key_size == 2048
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_private_key(path).private_numbers() == written.private_numbers()


def test_a_key_file_that_exists_is_not_written_over(tmp_path):
    path = tmp_path / "key.pem"
    path.write_text("precious")
    with pytest.raises(KeyFileError, match=r"key\.pem can't be written \(File exists\): name a new file"):
        write_private_key(path)
    assert path.read_text() == "precious"


def test_a_key_file_in_no_directory_cannot_be_written(tmp_path):
    with pytest.raises(KeyFileError, match=r"can't be written \(No such file or directory\)"):
        write_private_key(tmp_path / "nowhere" / "key.pem")


def test_the_copy_of_a_key_is_written_again_where_a_power_cut_left_it_empty(tmp_path, public_key):
    file = remember_key(tmp_path, public_key)
    file.write_bytes(b"")
    assert remember_key(tmp_path, public_key) == file
    assert load_public_key(file) == public_key


def test_a_public_key_that_was_written_verifies_what_the_private_one_signs(tmp_path, private_key):
    path = tmp_path / "public.pem"
    path.write_bytes(write_public_pem(private_key.public_key()))
    loaded = load_public_key(path)
    assert compute_fingerprint(loaded) == compute_fingerprint(private_key.public_key())
    assert check_signature(loaded, sign(private_key, b"{}"), b"{}")[0] == "valid"


def elliptic_key():
    return ec.generate_private_key(ec.SECP256R1())


def of_another_kind(pem):
    """Change the kind of an elliptic key to one that nobody knows."""
    begin, *lines, end = pem.split(b"\n")[:-1]
    kind, unknown = (bytes.fromhex(f"06072a8648ce3d02{last}") for last in ("01", "7f"))
    der = base64.b64decode(b"".join(lines)).replace(kind, unknown)
    return b"\n".join((begin, base64.b64encode(der), end))


def private_pem(key, encryption):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_a_file_that_holds_no_rsa_public_key_is_refused_with_the_reason(tmp_path, private_key):
    path = tmp_path / "wrong.pem"
    elliptic = elliptic_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    wrong = {
        b"": "holds no public key in PEM form",
        b"ssh-rsa AAAAB3NzaC1yc2E= someone": "holds no public key in PEM form",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n": "holds no public key in PEM form",
        b"\x00\xff": "holds no public key in PEM form",
        private_pem(private_key, NoEncryption()): "holds a private key",
        private_pem(private_key, BestAvailableEncryption(b"secret")): "holds a private key",
        elliptic: "holds a public key that is not RSA",
        of_another_kind(elliptic): "holds a public key that is not RSA",
    }
    for pem, reason in wrong.items():
        path.write_bytes(pem)
        with pytest.raises(KeyFileError, match=f"{path} {reason}"):
            load_public_key(path)


def test_a_file_that_holds_no_rsa_private_key_is_refused_with_the_reason(tmp_path, private_key):
    path = tmp_path / "wrong.pem"
    wrong = {
        b"": "holds no private key in PEM form",
        write_public_pem(private_key.public_key()): "holds no private key in PEM form",
        private_pem(private_key, BestAvailableEncryption(b"secret")): "is protected by a password",
        private_pem(elliptic_key(), NoEncryption()): "holds a private key that is not RSA",
        of_another_kind(private_pem(elliptic_key(), NoEncryption())): "holds a private key that is not RSA",
    }
    for pem, reason in wrong.items():
        path.write_bytes(pem)
        with pytest.raises(KeyFileError, match=f"{path} {reason}"):
            load_private_key(path)


@pytest.mark.parametrize("load", [load_public_key, load_private_key])
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path, load):
    with pytest.raises(KeyFileError, match=r"nothing\.pem can't be read \(No such file or directory\)"):
        load(tmp_path / "nothing.pem")
    with pytest.raises(KeyFileError, match=r"can't be read \(Is a directory\)"):
        load(tmp_path)


def test_a_key_under_2048_bits_is_refused_with_a_sentence(tmp_path):
    file = tmp_path / "weak.pem"
    file.write_bytes(write_public_pem(rsa.generate_private_key(65537, 1024).public_key()))
    with pytest.raises(KeyFileError, match=r"an RSA key of 1024 bits, .* of at least 2,048 bits\.$"):
        load_public_key(file)
