"""Everyday life of the made-up organization: what people do there, one act after the other."""

from collections.abc import Callable
from datetime import UTC, datetime

from receiver.senders.github.made_up.organization import (
    Body,
    Event,
    Issue,
    Organization,
    Repository,
    show_person,
)
from receiver.senders.made_up import as_time

_TITLES = (
    *("Time-out on slow networks", "Wrong total with two currencies", "Dark theme", "Crash on an empty list"),
    *("Retry failed uploads", "Sort by date", "Typo on the start page", "Export as CSV", "Session ends too early"),
    *("Update dependencies", "Faster search", "Names with umlauts", "Log the request id", "Remove the old endpoint"),
)
_LABELS = ("bug", "enhancement", "good first issue", "security", "documentation")
_COMMENTS = ("Works for me now.", "Can you add a test?", "Same here on 2.4.", "Thanks, looks good.", "Which version?")
_DESCRIPTIONS = ("", ", tested nightly", ", moved from the old server", ", see the handbook")
_BOT = "github-actions[bot]"
_WORKS_FROM, _WORKS_UNTIL = 9, 16
"""Hours in UTC that are working hours from London to Warsaw."""
_FIRST_WEEKEND_DAY = 5


def live_a_moment(world: Organization, at: float) -> list[Event]:
    """Let somebody do something, and return the notifications of it; the world is changed by it."""
    while True:
        act = world.rng.choices([act for act, _ in _ACTS], [weight for _, weight in _ACTS])[0]
        if events := act(world, world.choose_repository(), at):
            return events


def push(
    world: Organization, repository: Repository, at: float, branch: str, actor: str, *, is_forced: bool = False
) -> Event:
    """Push a commit to a branch."""
    before, after = repository.heads.get(branch, "0" * 40), world.take_commit()
    repository.heads[branch] = after
    commit = {
        "id": after,
        "message": world.rng.choice(_TITLES),
        "author": {"username": actor},
        "timestamp": as_time(at),
    }
    body = world.body(
        actor,
        at,
        repository,
        ref=f"refs/heads/{branch}",
        before=before,
        after=after,
        created=before == "0" * 40,
        deleted=False,
        forced=is_forced,
        pusher={"name": actor},
        commits=[commit],
        head_commit=commit,
    )
    body["repository"]["pushed_at"] = int(at)
    return Event("push", body)


def is_work_time(at: float) -> bool:
    """Say whether people of the organization work at a time."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.weekday() < _FIRST_WEEKEND_DAY and _WORKS_FROM <= moment.hour < _WORKS_UNTIL


def _push_to_branch(world: Organization, repository: Repository, at: float) -> list[Event]:
    if not repository.pulls:
        return _open_pull(world, repository, at)
    pull = world.rng.choice(repository.pulls)
    return [push(world, repository, at, pull.branch, pull.author)]


def _open_pull(world: Organization, repository: Repository, at: float) -> list[Event]:
    author, title = world.rng.choice(world.people), world.rng.choice(_TITLES)
    number = repository.take_number()
    pull = Issue(number, title, author, f"{author.split('-')[0]}/{title.lower().replace(' ', '-')}-{number}")
    repository.pulls.append(pull)
    made = world.body(author, at, repository, ref=pull.branch, ref_type="branch", pusher_type="user")
    return [
        Event("create", made),
        push(world, repository, at, pull.branch, author),
        _tell_pull(world, repository, at, pull, author, "opened"),
    ]


def _tell_pull(
    world: Organization,
    repository: Repository,
    at: float,
    pull: Issue,
    actor: str,
    action: str,
    *,
    merged: bool = False,
) -> Event:
    shown = _show_issue(pull, at, "closed" if action == "closed" else "open")
    shown |= {
        "merged": merged,
        "draft": False,
        "head": {"ref": pull.branch},
        "base": {"ref": repository.default_branch},
    }
    return Event(
        "pull_request", {"action": action, **world.body(actor, at, repository, number=pull.number, pull_request=shown)}
    )


def _show_issue(issue: Issue, at: float, state: str) -> Body:
    return {
        "id": 73_464_126 + issue.number,
        "number": issue.number,
        "title": issue.title,
        "state": state,
        "user": show_person(issue.author),
        "labels": [{"name": name} for name in issue.labels],
        "assignees": [],
        "updated_at": as_time(at),
    }


def _review(world: Organization, repository: Repository, at: float) -> list[Event]:
    if not repository.pulls:
        return []
    pull = world.rng.choice(repository.pulls)
    reviewer = world.rng.choice([each for each in world.people if each != pull.author])
    state = world.rng.choice(("approved", "approved", "commented", "changes_requested"))
    body = world.body(
        reviewer,
        at,
        repository,
        action="submitted",
        review={"id": world.take_id(), "user": show_person(reviewer), "state": state, "submitted_at": as_time(at)},
        pull_request=_show_issue(pull, at, "open"),
    )
    return [Event("pull_request_review", body)]


def _merge(world: Organization, repository: Repository, at: float) -> list[Event]:
    if not repository.pulls:
        return []
    pull = repository.pulls.pop(world.rng.randrange(len(repository.pulls)))
    repository.heads.pop(pull.branch, None)
    gone = world.body(pull.author, at, repository, ref=pull.branch, ref_type="branch", pusher_type="user")
    return [
        _tell_pull(world, repository, at, pull, pull.author, "closed", merged=True),
        push(world, repository, at, repository.default_branch, pull.author),
        Event("delete", gone),
        _run_workflow(world, repository, at),
    ]


def _run_workflow(world: Organization, repository: Repository, at: float) -> Event:
    conclusion = world.rng.choices(("success", "failure"), (9, 1))[0]
    repository.runs += 1
    run = {"id": world.take_id(), "name": "Tests", "run_number": repository.runs}
    run |= {"head_branch": repository.default_branch, "status": "completed", "conclusion": conclusion}
    return Event("workflow_run", world.body(_BOT, at, repository, action="completed", workflow_run=run))


def _open_issue(world: Organization, repository: Repository, at: float) -> list[Event]:
    issue = Issue(repository.take_number(), world.rng.choice(_TITLES), world.rng.choice(world.people))
    repository.issues.append(issue)
    return [_tell_issue(world, repository, at, issue, issue.author, "opened")]


def _tell_issue(
    world: Organization, repository: Repository, at: float, issue: Issue, actor: str, action: str, **fields: object
) -> Event:
    shown = _show_issue(issue, at, "closed" if action == "closed" else "open")
    return Event("issues", {"action": action, "issue": shown, **fields, **world.body(actor, at, repository)})


def _change_issue(world: Organization, repository: Repository, at: float) -> list[Event]:
    if not repository.issues:
        return []
    issue, actor = world.rng.choice(repository.issues), world.rng.choice(world.people)
    if label := next((each for each in world.rng.sample(_LABELS, 2) if each not in issue.labels), None):
        issue.labels.append(label)
        return [_tell_issue(world, repository, at, issue, actor, "labeled", label={"name": label})]
    before, issue.title = issue.title, f"{world.rng.choice(_TITLES)} (was {issue.number})"
    return [_tell_issue(world, repository, at, issue, actor, "edited", changes={"title": {"from": before}})]


def _close_issue(world: Organization, repository: Repository, at: float) -> list[Event]:
    if not repository.issues:
        return []
    issue = repository.issues.pop(world.rng.randrange(len(repository.issues)))
    return [_tell_issue(world, repository, at, issue, world.rng.choice(world.people), "closed")]


def _comment(world: Organization, repository: Repository, at: float) -> list[Event]:
    if not repository.issues:
        return []
    issue, actor = world.rng.choice(repository.issues), world.rng.choice(world.people)
    comment = {"id": world.take_id(), "user": show_person(actor), "body": world.rng.choice(_COMMENTS)}
    return [
        Event("issue_comment", {
            "action": "created", "issue": _show_issue(issue, at, "open"), "comment": comment,
            **world.body(actor, at, repository),
        })
    ]  # fmt: skip


def _star(world: Organization, repository: Repository, at: float) -> list[Event]:
    fans = sorted(set(world.strangers) - repository.stars)
    if repository.is_private or not fans:
        return []
    fan = world.rng.choice(fans)
    repository.stars.add(fan)
    return [Event("star", world.body(fan, at, repository, action="created", starred_at=as_time(at)))]


def _release(world: Organization, repository: Repository, at: float) -> list[Event]:
    if not is_work_time(at):
        return []
    repository.releases += 1
    tag = f"v1.{repository.releases}.0"
    release = {"id": world.take_id(), "tag_name": tag, "name": tag, "draft": False, "prerelease": False}
    return [Event("release", world.body(world.people[0], at, repository, action="published", release=release))]


def _describe(world: Organization, repository: Repository, at: float) -> list[Event]:
    before = repository.description
    repository.description = before.partition(",")[0] + world.rng.choice(_DESCRIPTIONS)
    if repository.description == before:
        return []
    changes = {"description": {"from": before}}
    return [Event("repository", world.body(world.people[1], at, repository, action="edited", changes=changes))]


def _add_collaborator(world: Organization, repository: Repository, at: float) -> list[Event]:
    if not is_work_time(at):
        return []
    login = world.rng.choice([each for each in world.people if each not in world.owners])
    is_new = login not in repository.members
    repository.members ^= {login}
    fields = {"action": "added", "changes": {"permission": {"to": "write"}}} if is_new else {"action": "removed"}
    return [Event("member", world.body(world.owners[0], at, repository, member=show_person(login), **fields))]


def _want_more_reviews(world: Organization, repository: Repository, at: float) -> list[Event]:
    if not is_work_time(at) or repository.reviews > 1:
        return []
    repository.reviews += 1
    rule = {"id": repository.id + 7, "name": "main", "required_approving_review_count": repository.reviews}
    changes = {"required_approving_review_count": {"from": repository.reviews - 1}}
    body = world.body(world.owners[1], at, repository, action="edited", rule=rule, changes=changes)
    return [Event("branch_protection_rule", body)]


_ACTS: tuple[tuple[Callable[[Organization, Repository, float], list[Event]], float], ...] = (
    (_push_to_branch, 26),
    (_open_pull, 5),
    (_review, 8),
    (_merge, 5),
    (_open_issue, 4),
    (_change_issue, 5),
    (_close_issue, 3),
    (_comment, 9),
    (_star, 1),
    (_release, 0.4),
    (_describe, 0.3),
    (_add_collaborator, 0.4),
    (_want_more_reviews, 0.2),
)
"""Every act, and how often it comes in relation to the others."""
