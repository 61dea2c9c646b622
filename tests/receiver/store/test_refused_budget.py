"""How much of what is refused is kept: bytes for each reason, which last an hour whatever is restarted."""

import errno

import pytest

from receiver.listener.rejections import HourlyBudget

LIMIT = 16_000


class Clock:
    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def budget(tmp_path, clock):
    """Make the budget of one more process on the same data directory."""
    return lambda: HourlyBudget(tmp_path / "refused.json", LIMIT, clock)


def spent(budget, reason, amount=1_000):
    """Spend as often as it goes, and say how many bytes that was."""
    total = 0
    while budget.spend(reason, amount):
        total += amount
    return total


def test_each_reason_has_bytes_of_its_own(budget):
    one = budget()
    assert spent(one, "signature_missing") == LIMIT
    assert spent(one, "account_not_allowed") == LIMIT


def test_a_small_one_is_kept_where_a_large_one_has_no_room(budget):
    one = budget()
    assert not one.spend("not_json", LIMIT + 1)
    assert one.spend("not_json", LIMIT - 10)
    assert not one.spend("not_json", 11)
    assert one.spend("not_json", 10)
    assert not one.spend("not_json", 1)


def test_a_process_that_follows_another_has_no_bytes_anew(budget):
    spent(budget(), "signature_missing")
    for _ in range(20):
        assert not budget().spend("signature_missing", 1)


def test_all_listeners_together_spend_no_more_than_the_hours_bytes(budget):
    several = [budget() for _ in range(4)]
    total = sum(1_000 for _ in range(20) for one in several if one.spend("signature_missing", 1_000))
    assert LIMIT - 4 * 1_000 <= total <= LIMIT


def test_after_an_hour_there_are_bytes_again_for_all(budget, clock):
    one, other = budget(), budget()
    spent(one, "signature_missing")
    assert not other.spend("signature_missing", 1_000)
    clock.now += 3_601
    assert spent(other, "signature_missing") + spent(one, "signature_missing") == LIMIT


def test_a_clock_that_is_set_back_gives_no_bytes_anew(budget, clock):
    spent(budget(), "signature_missing")
    clock.now -= 100_000
    assert not budget().spend("signature_missing", 1_000)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"since": "x", "bytes": {}}', '{"since": 1, "bytes": []}'])
def test_a_damaged_file_is_begun_anew(budget, tmp_path, text):
    (tmp_path / "refused.json").write_text(text)
    assert spent(budget(), "signature_missing") == LIMIT
    assert not budget().spend("signature_missing", 1_000)


def test_where_the_disk_is_full_a_process_counts_alone_and_each_byte_once(budget, monkeypatch):
    one = budget()
    assert one.spend("not_json", 1)

    def fail(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("receiver.listener.rejections.json.dumps", fail)
    assert spent(one, "not_json") + spent(one, "signature_missing") == LIMIT - 1_000 + LIMIT


@pytest.mark.parametrize("now", [0.0, 1_200.0, -7_000.0])
def test_a_clock_that_begins_in_1970_has_bytes_too(budget, clock, now):
    clock.now = now
    assert spent(budget(), "not_json") == LIMIT
    assert not budget().spend("not_json", 1_000)


def test_where_the_file_can_not_be_used_a_process_counts_alone(tmp_path, clock):
    (tmp_path / "refused.json").mkdir()
    assert spent(HourlyBudget(tmp_path / "refused.json", LIMIT, clock), "not_json") == LIMIT
