"""The simulator's archives, its key, and its command's bad usage."""

import hashlib
import os
import re
import stat

import orjson
import pytest
from click.testing import CliRunner

from receiver.commands.simulate import simulate
from receiver.errors import ArchiveError, KeyFileError
from receiver.senders.centurylink.signature import check_signature, load_public_key
from receiver.senders.keys import load_or_make_key
from receiver.simulator.history import Simulation, write_archive
from tests.support.keys import in_lower_case

END = "2015-09-22T15:00:00Z"


@pytest.fixture(scope="module")
def key_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "simulator.pem"
    load_or_make_key(path)
    return path


def simulate_archive(path, key_path, *more):
    arguments = ["--archive", str(path), "--days", "2", "--end", END, "--key", str(key_path), *more]
    return CliRunner().invoke(simulate, arguments)


def test_every_line_of_an_archive_is_a_signed_request_byte_for_byte(tmp_path, key_path):
    archive = tmp_path / "days.jsonl"
    result = simulate_archive(archive, key_path)
    assert result.exit_code == 0, result.output
    assert f"Wrote 466 notifications to {archive}." in result.stderr
    assert result.stdout == ""
    public = load_public_key(key_path.with_name("simulator.pem.pub"))
    lines = archive.read_bytes().splitlines()
    assert len(lines) == 466
    for line in map(orjson.loads, lines):
        assert list(line) == ["received_at", "event", "source_ip", "headers", "body"]
        assert re.fullmatch(r"2015-09-2[0-2]T\d\d:\d\d:\d\d\.\d{6}Z", line["received_at"])
        body = line["body"].encode()
        assert line["headers"]["Content-Length"] == str(len(body))
        assert check_signature(public, in_lower_case(line["headers"]), body)[0] == "valid"
    bodies = [out.body for out in Simulation(1).make_history(2, 1442934000)]
    assert [orjson.loads(line)["body"].encode() for line in lines] == bodies


def test_the_same_seed_end_and_key_write_the_same_file(tmp_path, key_path):
    digests = set()
    for name in ("one.jsonl", "two.jsonl"):
        simulate_archive(tmp_path / name, key_path, "--count", "300")
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_count_stretches_an_archive(tmp_path, key_path):
    simulate_archive(tmp_path / "long.jsonl", key_path, "--count", "1234", "--quiet")
    assert len((tmp_path / "long.jsonl").read_bytes().splitlines()) == 1234


def test_an_archive_that_breaks_off_leaves_the_old_file_and_no_other(tmp_path, key_path):
    def breaks_off():
        yield from list(Simulation(1).make_history(1, 1442934000))[:200]
        raise OSError(28, "No space left on device")

    archive = tmp_path / "days.jsonl"
    archive.write_text("old")
    with pytest.raises(ArchiveError, match=r"days\.jsonl can't be written \(No space left on device\)"):
        write_archive(archive, breaks_off(), load_or_make_key(key_path)[0])
    assert archive.read_text() == "old"
    assert list(tmp_path.iterdir()) == [archive]


def test_an_archive_replaces_a_file_only_when_it_may(tmp_path, key_path):
    archive = tmp_path / "days.jsonl"
    archive.write_text("old")
    result = simulate_archive(archive, key_path)
    assert result.exit_code == 2
    assert f"{archive} exists: name a new file, or give --overwrite." in result.stderr
    assert archive.read_text() == "old"
    assert simulate_archive(archive, key_path, "--overwrite").exit_code == 0
    assert len(archive.read_bytes().splitlines()) == 466


def test_an_archive_replaces_no_link_and_no_pipe(tmp_path, key_path):
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to("elsewhere")
    os.mkfifo(pipe)
    for path in (link, pipe):
        result = simulate_archive(path, key_path, "--overwrite")
        assert result.exit_code == 2
        assert f"{path} is no name for an archive: name a new file." in result.stderr
    assert link.is_symlink()
    assert pipe.is_fifo()


def test_an_archive_in_no_directory_is_refused_in_one_sentence(tmp_path, key_path):
    result = simulate_archive(tmp_path / "no" / "days.jsonl", key_path)
    assert isinstance(result.exception, ArchiveError)
    assert "name a file in a directory that can be" in str(result.exception)


def test_a_missing_key_is_made_for_its_owner_only_with_the_public_one_beside_it(tmp_path):
    path = tmp_path / "keys" / "own.pem"
    key, made = load_or_make_key(path)
    assert made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    public = load_public_key(path.with_name("own.pem.pub"))
    assert public.public_numbers() == key.public_key().public_numbers()
    again, made = load_or_make_key(path)
    assert not made
    assert again.private_numbers() == key.private_numbers()


def test_the_command_says_which_public_key_the_receiver_needs(tmp_path):
    path = tmp_path / "own.pem"
    result = simulate_archive(tmp_path / "days.jsonl", path)
    assert f"Made the key {path}; the receiver verifies with CLC_PUBLIC_KEY={path}.pub" in result.stderr


def test_a_key_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "own.pem"
    path.write_text("nothing")
    with pytest.raises(KeyFileError, match="holds no private key"):
        load_or_make_key(path)


def test_a_key_in_a_place_that_is_no_directory_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match="can't be made"):
        load_or_make_key(tmp_path / "file" / "own.pem")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say where to: either --to URL or --archive FILE."),
        (["--to", "http://a", "--archive", "f", "--days", "1"], "Say where to: either --to URL or --archive FILE."),
        (["--to", "127.0.0.1:8080"], "is not a receiver's base URL such as http://127.0.0.1:8080."),
        (["--to", "http://127.0.0.1:port"], "is not a receiver's base URL"),
        (["--to", "http://a..b:1"], "'http://a..b:1' is not a receiver's base URL"),
        (["--to", "http://a b"], "'http://a b' is not a receiver's base URL"),
        (["--to", "http://a/?x=1"], "is not a receiver's base URL"),
        (["--archive", "f"], "--archive needs --days, for example --days 30."),
        (["--archive", "f", "--days", "0"], "Invalid value for '--days'"),
        (["--archive", "f", "--days", "1", "--event", "User.Created"], "--event belongs to --to, not to --archive."),
        (["--archive", "f", "--days", "1", "--end", "noon"], "'noon' is not an ISO time"),
        (["--to", "http://a", "--days", "1"], "--days belongs to --archive; with --to it is --history-days."),
        (["--to", "http://a", "--account", "DEMO"], "--account says what --event is about"),
        (["--to", "http://a", "--event", "Server.Rebooted"], "'Server.Rebooted' is not one of the ten events: Account"),
        (["--to", "http://a", "--event", "User.Created", "--account", "D"], "'D' is not an account alias"),
        (["--to", "http://a", "--seed", "x"], "Invalid value for '--seed'"),
        (["--to", "http://a", "--count", "0"], "Invalid value for '--count'"),
        (["--to", "http://a", "--rate", "-1"], "Invalid value for '--rate'"),
        (["--to", "http://a", "--rate", "1e-300"], "Invalid value for '--rate': 1e-300 is too slow: 0.00001, about"),
        (["--to", "http://a", "--rate", "nan"], "Invalid value for '--rate': 'nan' is no number."),
        (["--to", "http://a", "--a-day", "1e300"], "Invalid value for '--a-day'"),
        (["--to", "http://a", "--history-days", "nan"], "Invalid value for '--history-days': 'nan' is no number."),
        (["--archive", "f", "--days", "inf"], "Invalid value for '--days'"),
        (["--archive", "f", "--days", "1e-300"], "Invalid value for '--days'"),
        (["--archive", "f", "--days", "1", "--end", "0001-01-01"], "'0001-01-01' is not in the years 1981 to 9998."),
        (["--archive", "f", "--days", "1", "--end", "9999-12-31T23:59:59-12:00"], "is not in the years 1981 to 9998."),
        (["--archive", "-", "--days", "1"], "- is no name for an archive: name a new file."),
        (["--archive", "", "--days", "1"], "Invalid value for '--archive': it is empty: name a path"),
        (["--to", "http://a", "--key", ""], "Invalid value for '--key': it is empty: name a path"),
        (["--to", "http://a", "--report", ""], "Invalid value for '--report': it is empty: name a path"),
        (["--sender", "stripe", "--archive", "f", "--story", "outage"], "--story has no meaning here with --sender"),
        (["--sender", "github", "--to", "http://a", "--report", "r"], "--report has no meaning here with --sender"),
        (["--sender", "github", "--archive", "f", "--seed", "2"], "--seed has no meaning here with --sender"),
        (["--sender", "github", "--archive", "f", "--days", "3", "--count", "2"], "--count has no meaning here with"),
        (["--sender", "github", "--to", "http://a", "--days", "3"], "--days belongs to --archive; with --to it is"),
    ],
)
def test_bad_usage_ends_with_2_and_one_sentence(arguments, sentence):
    result = CliRunner().invoke(simulate, arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
