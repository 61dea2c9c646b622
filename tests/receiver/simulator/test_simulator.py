"""The simulator's story."""

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import count, islice, pairwise

import orjson
import pytest

from receiver.senders.centurylink.events import EVENTS
from receiver.simulator.history import Outgoing, Simulation
from tests.support.sizes import take_few

END = datetime(2015, 9, 22, 15, 0, tzinfo=UTC).timestamp()
EVENT_TYPES = [event.event_type for event in EVENTS]
STAMP = re.compile(rb"\d{4}-\d\d-\d\d[T.]\d\d:\d\d:\d\dZ?")


@pytest.fixture(scope="module")
def month():
    return list(Simulation(7).make_history(30, END))


def days_of(outgoings):
    return Counter(datetime.fromtimestamp(out.received_at, UTC).date() for out in outgoings)


def link(body, rel):
    return next(link for link in body["links"] if link["rel"] == rel)


def leave_out_copies(outgoings):
    """Yield notifications without their copies, which follow them and happened at the same moment."""
    last = None
    for out in outgoings:
        if last is None or (out.occurred_at, out.body) != (last.occurred_at, last.body):
            yield out
        last = out


class Listener:
    """Believes what it hears, and notes what can't be."""

    def __init__(self):
        self.accounts, self.users, self.servers = {"T3N", "SUNR"}, {}, {}
        self.actors, self.contradictions = set(), []

    def hear(self, out):
        body = orjson.loads(out.body)
        category, action = out.event_type.split(".")
        getattr(self, category.lower())(action, body)

    def say(self, true, sentence):
        if not true:
            self.contradictions.append(sentence)

    def account(self, action, body):
        alias, parent = body["accountAlias"], body["parentAlias"]
        self.say(parent in self.accounts, f"{alias} has no parent {parent}")
        self.say((alias in self.accounts) == (action != "Created"), f"{alias} {action}")
        (self.accounts.discard if action == "Deleted" else self.accounts.add)(alias)

    def user(self, action, body):
        name, alias = body["userName"], body["accountAlias"]
        self.say(alias in self.accounts, f"{name} has no account {alias}")
        self.say((name in self.users) == (action != "Created"), f"{name} {action}")
        self.say((action == "Deleted") == (body["status"] == "Deleted"), f"{name} {action} {body['status']}")
        self.actors.add(name)
        if action == "Deleted":
            self.users.pop(name, None)
        else:
            self.users[name] = alias

    def server(self, action, body):
        name = body["name"]
        self.say((name in self.servers) == (action != "Created"), f"{name} {action}")
        if action == "Deleted":
            self.say(list(body) == ["accountAlias", "name"], f"{name} is deleted with more than alias and name")
            self.servers.pop(name, None)
            return
        alias, change = link(body, "account")["id"].upper(), body["changeInfo"]
        self.say(alias in self.accounts, f"{name} has no account {alias}")
        self.say(change["modifiedBy"] in self.actors, f"{name} has no actor")
        created, modified = self.servers.get(name, (change["createdDate"], ""))
        self.say(change["createdDate"] == created, f"{name} was created twice")
        self.say(modified < change["modifiedDate"], f"{name} goes back in time")
        self.say((action == "Created") == (body["status"] == "underConstruction"), f"{name} {action} {body['status']}")
        self.servers[name] = (created, change["modifiedDate"])

    def alert(self, _action, body):
        self.say(body["serverName"] in self.servers, f"an alert of {body['serverName']}, which is not there")


def test_the_same_seed_and_end_give_the_same_bytes(month):
    assert list(Simulation(7).make_history(30, END)) == month


def test_another_seed_tells_another_story(month):
    other = list(Simulation(8).make_history(30, END))
    assert {out.body for out in other}.isdisjoint(out.body for out in month)


def test_a_month_has_six_to_eight_thousand_notifications_and_all_ten_events(month):
    assert 6000 <= len(month) <= 8000
    assert {out.event_type for out in month} == set(EVENT_TYPES)


@pytest.mark.parametrize("seed", take_few([1, 2, 3], 1))
def test_nothing_contradicts_what_was_heard_before(seed):
    listener = Listener()
    for out in leave_out_copies(Simulation(seed).make_history(30, END)):
        listener.hear(out)
    assert listener.contradictions == []


def test_a_live_run_goes_on_where_the_history_ended(month):
    listener, live = Listener(), Simulation(7)
    for out in leave_out_copies(month):
        listener.hear(out)
    live.pass_over(30, END)
    ticks = count(END + 1)
    for original, *_ in islice(live.live(lambda: next(ticks)), 2000):
        listener.hear(original)
    assert listener.contradictions == []


def test_a_live_run_is_the_same_at_any_time_apart_from_its_stamps():
    def told(start):
        simulation = Simulation(5)
        simulation.pass_over(30, start)
        return [[STAMP.sub(b"", out.body) for out in group] for group in islice(simulation.live(lambda: start), 300)]

    assert told(END) == told(END + 1_234_567)


def test_a_live_notification_carries_the_time_at_which_it_is_asked_for():
    groups = Simulation(1).live(lambda: END)
    servers = (out.body for group in groups for out in group if out.event_type == "Server.Created")
    assert orjson.loads(next(servers))["changeInfo"]["modifiedDate"] == "2015-09-22T15:00:00Z"


def test_a_count_stretches_the_history_to_exactly_that_many():
    assert len(list(Simulation(3).make_history(30, END, 1))) == 1
    outgoings = list(Simulation(3).make_history(30, END, 1501))
    assert len(outgoings) == 1501
    assert outgoings[0].received_at < END - 29 * 86400
    assert outgoings[-1].received_at > END - 6 * 3600


def test_notifications_come_in_order_of_receipt_within_the_days_asked_for(month):
    times = [out.received_at for out in leave_out_copies(month)]
    assert times == sorted(times)
    assert times[0] >= END - 30 * 86400
    assert max(out.received_at for out in month) <= END


def test_weekends_and_nights_are_quiet_and_activity_grows(month):
    moments = [datetime.fromtimestamp(out.received_at, UTC) for out in month]
    weekend = sum(moment.weekday() >= 5 for moment in moments) / 9
    weekday = sum(moment.weekday() < 5 for moment in moments) / 22
    assert weekday > 4 * weekend
    assert sum(8 <= moment.hour < 22 for moment in moments) > 4 * sum(moment.hour < 7 for moment in moments)
    middle = END - 15 * 86400
    assert sum(out.received_at > middle for out in month) > 1.15 * sum(out.received_at < middle for out in month)


def test_an_odd_day_stands_out(month):
    counts = sorted(count for day, count in days_of(month).items() if day.weekday() < 5)
    assert counts[-1] > 1.4 * counts[len(counts) // 2]


def test_one_in_fifty_comes_twice_within_two_seconds_and_byte_for_byte(month):
    pairs = [(original, copy) for original, copy in pairwise(month) if copy.body == original.body]
    late = [
        copy.received_at - original.received_at for original, copy in pairs if copy.occurred_at == original.occurred_at
    ]
    assert 0.01 < len(late) / len(month) < 0.03
    assert 0 <= min(late) <= max(late) < 2


def test_a_changed_password_repeats_the_users_last_body(month):
    last, repeats = {}, 0
    for out in leave_out_copies(month):
        if out.event_type.startswith("User"):
            name = orjson.loads(out.body)["userName"]
            repeats += last.get(name) == out.body
            last[name] = out.body
    assert repeats > 200


def test_an_alert_that_fires_clears_within_the_hour(month):
    states = defaultdict(list)
    for out in leave_out_copies(month):
        if out.event_type == "Alert.Notification":
            body = orjson.loads(out.body)
            states[body["serverName"]].append((body["triggers"][0]["state"], out.received_at))
    for heard in states.values():
        for (fired, since), (cleared, until) in zip(heard[::2], heard[1::2], strict=True):
            assert (fired, cleared) == ("triggered", "notTriggered")
            assert until - since < 3600


def test_servers_are_resized_published_stopped_archived_and_described(month):
    seen = defaultdict(lambda: defaultdict(set))
    for out in month:
        body = orjson.loads(out.body)
        if details := body.get("details"):
            server = seen[body["name"]]
            server["status"].add(body["status"])
            server["description"].add(body["description"])
            server["power"].add(details.get("powerState"))
            server["cpu"].add(details.get("cpu"))
            server["public"].add(sum("public" in address for address in details["ipAddresses"]))
    statuses = set().union(*(server["status"] for server in seen.values()))
    assert statuses == {"active", "archived", "queuedForDelete", "queuedForArchive", "queuedForRestore"}
    for field in ("description", "power", "cpu", "public"):
        assert sum(len(server[field]) > 1 for server in seen.values()) > 50


def test_server_bodies_have_the_size_of_real_ones(month):
    sizes = sorted(len(out.body) for out in month if out.event_type in ("Server.Created", "Server.Updated"))
    assert sizes[0] > 1400
    assert 1800 < sizes[len(sizes) // 2] < 2700
    assert sizes[-1] < 4000


def test_bodies_are_compact_utf_8_without_escaped_slashes(month):
    for body in {out.body for out in month}:
        body.decode("utf-8", "strict")
        assert body.startswith(b"{")
        assert b"\\/" not in body
        assert b"\n" not in body
        assert not re.search(rb'": |,\s"', body)
    assert any("Müller".encode() in out.body or "Å".encode() in out.body for out in month)


def test_links_have_the_documented_shape_and_servers_lower_case(month):
    href = re.compile(r"/v2/(servers|groups|accounts|billing|alertPolicies|autoscalePolicies)/[a-z0-9./]+")
    for out in month:
        body = orjson.loads(out.body)
        if "changeInfo" in body:
            alias, server = link(body, "account")["id"], body["name"].lower()
            assert link(body, "self")["href"] == f"/v2/servers/{alias}/{server}"
            for each in body["links"]:
                assert href.match(each["href"])
                assert f"/{alias}" in each["href"]
        elif "businessName" in body:
            assert link(body, "parentAccount")["href"] == f"/v2/accounts/{body['parentAlias']}"


def test_public_addresses_are_of_the_documentation_ranges(month):
    found = {address for out in month for address in re.findall(rb'"public":"([\d.]+)"', out.body)}
    assert len(found) > 50
    assert {address.rsplit(b".", 1)[0] for address in found} == {b"192.0.2", b"198.51.100", b"203.0.113"}


def test_the_demo_account_is_in_every_world_under_the_reseller():
    for seed in range(5):
        account = next(
            orjson.loads(out.body)
            for out in Simulation(seed).make_history(1, END)
            if out.event_type == "Account.Created"
        )
        assert (account["accountAlias"], account["businessName"], account["parentAlias"]) == (
            "DEMO",
            "Demo Toys, Inc",
            "SUNR",
        )


@pytest.mark.full
def test_aliases_are_two_to_four_capitals_or_digits_and_never_used_twice():
    created = [
        orjson.loads(out.body)["accountAlias"]
        for out in leave_out_copies(Simulation(2).make_history(365, END, 40_000))
        if out.event_type == "Account.Created"
    ]
    assert len(created) > 100
    assert len(set(created)) == len(created)
    assert all(re.fullmatch(r"[A-Z0-9]{2,4}", alias) for alias in created)


def test_sub_accounts_lie_two_and_three_levels_below_the_reseller():
    simulation = Simulation(1)
    simulation.pass_over(30, END)
    assert {account.depth for account in simulation.world.accounts} >= {0, 1, 2}


@pytest.mark.parametrize("event_type", take_few(EVENT_TYPES, 5))
@pytest.mark.parametrize("alias", take_few(["DEMO", "ZZ9"], 1))
def test_any_event_can_be_made_for_any_account(event_type, alias):
    simulation = Simulation(1)
    simulation.pass_over(30, END)
    out = simulation.make_event(event_type, alias, END)
    body = orjson.loads(out.body)
    account = body["accountAlias"] if "accountAlias" in body else link(body, "account")["id"].upper()
    assert isinstance(out, Outgoing)
    assert (out.event_type, account) == (event_type, alias)
    assert event_type != "User.Deleted" or body["status"] == "Deleted"
    assert event_type != "Server.Deleted" or list(body) == ["accountAlias", "name"]


def test_each_account_update_brings_another_address():
    simulation = Simulation(1)
    simulation.pass_over(30, END)
    made = [orjson.loads(simulation.make_event("Account.Updated", "DEMO", END + n).body) for n in range(20)]
    addresses = [body.pop("addressLine1") for body in made]
    assert all(one != other for one, other in pairwise(addresses))
    assert {body["businessName"] for body in made} == {"Demo Toys, Inc"}
