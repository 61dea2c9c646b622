"""A few things in a month of the made-up organization that an audit should find, and two that only look so."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from receiver.senders.github.made_up.everyday import is_work_time, push
from receiver.senders.github.made_up.organization import Body, Event, Organization, Repository, show_person
from receiver.senders.made_up import DAY, HOUR, MINUTE

_INTRUDER = "ci-helper-2"
_OWNER, _HOTFIXER = 1, 3
"""Places among the people."""

Act = Callable[[Organization, float], list[Event]]


class Planned(NamedTuple):
    """An act of an incident: when it happens (seconds since 1970), and what it does to the world."""

    at: float
    act: Act


class _Incident(NamedTuple):
    """Where in the history an incident begins (0 to 1), whether at work time, and its acts with their delays."""

    share: float
    by_day: bool
    acts: tuple[tuple[float, Act], ...]


def plan_incidents(start: float, end: float) -> list[Planned]:
    """Return the acts of all incidents between two times, in order."""
    planned = (each for incident in _INCIDENTS for each in _plan(incident, start, end))
    return sorted(planned, key=lambda each: each.at)


def _plan(incident: _Incident, start: float, end: float) -> Iterator[Planned]:
    begin = start + incident.share * (end - start)
    # Every 5 hours and some minutes, so that incidents do not all begin with the working day.
    times = (begin + number * 5.3 * HOUR for number in range(24))
    begin = next((at for at in times if _fits(at, by_day=incident.by_day) and start < at < end), begin)
    for delay, act in incident.acts:
        if begin + delay < end:
            yield Planned(begin + delay, act)


def _fits(at: float, *, by_day: bool) -> bool:
    """Say whether a time is one of work, or else of the evening."""
    return is_work_time(at) if by_day else at % DAY >= 18.5 * HOUR


def _rule(repository: Repository, **fields: object) -> Body:
    return {"id": repository.id + 7, "name": "main", "required_approving_review_count": repository.reviews, **fields}


def _change_protection(world: Organization, at: float, *, enforced: bool) -> list[Event]:
    repository = world.find("api")
    changes = {"admin_enforced": {"from": not enforced}}
    rule = _rule(repository, admin_enforced=enforced)
    body = world.body(world.owners[1], at, repository, action="edited", rule=rule, changes=changes)
    return [Event("branch_protection_rule", body)]


def _force_push(world: Organization, at: float, name: str, person: int) -> list[Event]:
    return [push(world, world.find(name), at, "main", world.people[person], is_forced=True)]


def _add_intruder(world: Organization, at: float) -> list[Event]:
    member, changes = show_person(_INTRUDER), {"permission": {"to": "admin"}}
    body = world.body(world.owners[0], at, world.find("infrastructure"), action="added", member=member, changes=changes)
    return [Event("member", body)]


def _add_key(world: Organization, at: float) -> list[Event]:
    repository = world.find("infrastructure")
    key = {"id": world.take_id(), "title": "backup", "read_only": False, "verified": True}
    return [Event("deploy_key", world.body(_INTRUDER, at, repository, action="created", key=key))]


def _unprotect(world: Organization, at: float) -> list[Event]:
    repository = world.find("infrastructure")
    body = world.body(_INTRUDER, at, repository, action="deleted", rule=_rule(repository))
    return [Event("branch_protection_rule", body)]


def _push_at_night(world: Organization, at: float) -> list[Event]:
    return [push(world, world.find("infrastructure"), at, "main", _INTRUDER, is_forced=True)]


def _set_visibility(world: Organization, at: float, name: str, *, is_private: bool) -> list[Event]:
    repository = world.find(name)
    repository.is_private = is_private
    action, actor = "privatized" if is_private else "publicized", world.owners[0]
    told = [Event("repository", world.body(actor, at, repository, action=action))]
    return told if is_private else [*told, Event("public", world.body(actor, at, repository))]


def _tell_secret(world: Organization, at: float, name: str) -> list[Event]:
    world.find(name).alerts += 1
    return [_tell_alert(world, at, name, "github", "created", None)]


def _dismiss_secret(world: Organization, at: float) -> list[Event]:
    actor, comment = world.people[_HOTFIXER], "no time before the release"
    return [_tell_alert(world, at, "billing", actor, "resolved", "wont_fix", comment)]


def _revoke_secret(world: Organization, at: float) -> list[Event]:
    return [_tell_alert(world, at, "web", world.people[4], "resolved", "revoked")]


def _tell_alert(
    world: Organization, at: float, name: str, actor: str, action: str, resolution: str | None, comment: str = ""
) -> Event:
    repository = world.find(name)
    alert = {
        "number": repository.alerts,
        "secret_type": "amazon_aws_access_key_id",
        "secret_type_display_name": "Amazon AWS Access Key ID",
        "state": "resolved" if resolution else "open",
        "resolution": resolution,
        "resolution_comment": comment or None,
        "validity": "unknown",
    }
    return Event("secret_scanning_alert", world.body(actor, at, repository, action=action, alert=alert))


def _install_app(world: Organization, at: float) -> list[Event]:
    permissions = {"contents": "write", "metadata": "read", "pull_requests": "write"}
    installation = {
        "id": world.take_id(),
        "account": {"login": world.name, "type": "Organization"},
        "app_slug": "tidy-bot",
        "permissions": permissions,
    }
    body = world.body(world.owners[1], at, action="created", installation=installation)
    return [Event("installation", body)]


def _join(world: Organization, at: float) -> list[Event]:
    user = next(each for each in world.strangers if each not in world.people)
    world.people.append(user)
    membership = {"role": "member", "state": "active", "user": show_person(user)}
    return [Event("organization", world.body(world.owners[0], at, action="member_added", membership=membership))]


def _make_owner(world: Organization, at: float) -> list[Event]:
    membership = {"role": "admin", "state": "active", "user": show_person("a-contractor")}
    return [Event("organization", world.body(world.owners[1], at, action="member_added", membership=membership))]


def _rename(world: Organization, at: float) -> list[Event]:
    repository = world.find("mobile")
    before, repository.name = repository.name, "phone-app"
    changes = {"repository": {"name": {"from": before}}}
    return [Event("repository", world.body(world.owners[0], at, repository, action="renamed", changes=changes))]


_weaken = partial(_change_protection, enforced=False)
_strengthen = partial(_change_protection, enforced=True)
_force_push_to_api = partial(_force_push, name="api", person=_OWNER)
_force_push_by_mistake = partial(_force_push, name="cli", person=_HOTFIXER)
_publish = partial(_set_visibility, name="playbooks", is_private=False)
_leak = partial(_set_visibility, name="billing", is_private=False)
_withdraw = partial(_set_visibility, name="billing", is_private=True)
_find_secret = partial(_tell_secret, name="billing")
_find_test_secret = partial(_tell_secret, name="web")

_INCIDENTS = (
    _Incident(0.10, True, ((0, _join),)),  # in doubt of nobody: by day, and no administrator
    _Incident(0.18, True, ((0, _weaken), (11 * MINUTE, _force_push_to_api), (26 * MINUTE, _strengthen))),
    _Incident(0.30, True, ((0, _rename), (3 * HOUR, _install_app))),
    _Incident(0.38, True, ((0, _find_test_secret), (2 * HOUR, _revoke_secret))),  # as it should be done
    _Incident(0.50, True, ((0, _publish),)),
    _Incident(0.60, True, ((0, _make_owner),)),
    _Incident(0.68, True, ((0, _force_push_by_mistake),)),
    _Incident(
        0.78,
        False,
        ((0, _add_intruder), (7 * MINUTE, _add_key), (9 * MINUTE, _unprotect), (16 * MINUTE, _push_at_night)),
    ),
    _Incident(
        0.92,
        True,
        ((0, _leak), (4 * MINUTE, _find_secret), (31 * MINUTE, _withdraw), (95 * MINUTE, _dismiss_secret)),
    ),
)
"""All incidents in order. None is of an everyday act, so each finding of the rules is one of these."""
