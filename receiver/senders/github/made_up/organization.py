"""The made-up organization: people, repositories, and how a webhook's body shows them."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from receiver.senders.made_up import as_time

Body = dict[str, Any]

_NAMES = ("Larkspur-Tools", "Fernhill-Labs", "Tidewater-Maps", "Copper-Kettle", "Mossgate")
_PEOPLE = (
    *("mira-okafor", "jlindqvist", "tomasz-w", "aiko-tanabe", "delacruz", "svenja-b", "rohan-iyer", "nadia-haddad"),
    *("peterpan-dev", "lucia-m", "kwame-o", "hollis-grant", "yusuf-demir", "emma-vdb", "oleksii", "bao-nguyen"),
)
_STRANGERS = ("octo-fan", "late-reader", "sql-otter", "marginalia", "n0tebook", "quietfork", "pico-dev", "bluejay77")
_REPOSITORIES = (
    ("api", "The service behind the apps", True),
    ("web", "What customers see in a browser", True),
    ("mobile", "The app for phones", True),
    ("infrastructure", "Machines and networks as code", True),
    ("billing", "Invoices and payments", True),
    ("data-pipeline", "Nightly loads of the warehouse", True),
    ("design-system", "Colours and components", False),
    ("docs", "The handbook for customers", False),
    ("cli", "The command line tool", False),
    ("playbooks", "What to do when something breaks", True),
)
_OWNERS = 2
_MEMBERS = 12
_NUMBERS_BEFORE = (12, 240)


class Event(NamedTuple):
    """A notification to be: its event as the header `X-GitHub-Event` names it, and its body."""

    name: str
    body: Body

    @property
    def event_type(self) -> str:
        """Return the event with its action, as the store names it."""
        return f"{self.name}.{self.body['action']}" if "action" in self.body else self.name


@dataclass
class Issue:
    """An issue or a pull request."""

    number: int
    title: str
    author: str
    branch: str = ""
    labels: list[str] = field(default_factory=list)


@dataclass
class Repository:
    """A repository as of now."""

    id: int
    name: str
    description: str
    is_private: bool
    next_number: int
    default_branch: str = "main"
    heads: dict[str, str] = field(default_factory=dict)
    reviews: int = 1
    issues: list[Issue] = field(default_factory=list)
    pulls: list[Issue] = field(default_factory=list)
    members: set[str] = field(default_factory=set)
    stars: set[str] = field(default_factory=set)
    alerts: int = 0
    releases: int = 0
    runs: int = 0

    def take_number(self) -> int:
        """Return the number of the next issue or pull request."""
        self.next_number += 1
        return self.next_number


@dataclass
class Organization:
    """The organization as of now. `rng` decides all that happens to it."""

    name: str
    rng: Random
    people: list[str]
    strangers: list[str]
    repositories: list[Repository]
    next_id: int

    @property
    def owners(self) -> list[str]:
        """Return the people who may do everything."""
        return self.people[:_OWNERS]

    def take_id(self) -> int:
        """Return an id that nothing else has."""
        self.next_id += self.rng.randrange(1, 900)
        return self.next_id

    def take_commit(self) -> str:
        """Return the id of a new commit."""
        return f"{self.rng.getrandbits(160):040x}"

    def choose_repository(self) -> Repository:
        """Return a repository: the first ones are the busiest."""
        weights = [1 / (place + 2) for place in range(len(self.repositories))]
        return self.rng.choices(self.repositories, weights)[0]

    def find(self, name: str) -> Repository:
        """Return a repository by the name that it began with, or the first one."""
        return next((each for each in self.repositories if each.name == name), self.repositories[0])

    def body(self, sender: str, at: float, repository: Repository | None = None, **fields: Any) -> Body:
        """Return a body in GitHub's shape: the event's own fields, and where and by whom it happened."""
        place = {} if repository is None else {"repository": self.show_repository(repository, at)}
        return {
            **fields,
            **place,
            "organization": {"login": self.name, "id": 9_417_000 + len(self.name)},
            "sender": show_person(sender),
        }

    def show_repository(self, repository: Repository, at: float) -> Body:
        """Return a repository as bodies have it."""
        return {
            "id": repository.id,
            "name": repository.name,
            "full_name": f"{self.name}/{repository.name}",
            "owner": {"login": self.name, "id": 9_417_000 + len(self.name), "type": "Organization"},
            "private": repository.is_private,
            "visibility": "private" if repository.is_private else "public",
            "description": repository.description,
            "default_branch": repository.default_branch,
            "updated_at": as_time(at),
        }


def show_person(login: str) -> Body:
    """Return a person, or a program, as bodies have it."""
    number = 100_000 + sum(place * ord(letter) for place, letter in enumerate(login, 1))
    return {"login": login, "id": number, "type": "Bot" if login.endswith("[bot]") else "User"}


def found_organization(seed: int) -> Organization:
    """Return the organization of a seed as it is before anything happens."""
    rng = Random(f"{seed}/github")
    people, strangers = rng.sample(_PEOPLE, len(_PEOPLE)), rng.sample(_STRANGERS, len(_STRANGERS))
    found = Organization(
        _NAMES[(seed - 1) % len(_NAMES)], rng, people[:_MEMBERS], [*people[_MEMBERS:], *strangers], [], 35_129_377
    )
    for name, description, is_private in _REPOSITORIES:
        found.repositories.append(_found_repository(found, name, description, is_private))
    return found


def _found_repository(organization: Organization, name: str, description: str, is_private: bool) -> Repository:
    number = organization.rng.randrange(*_NUMBERS_BEFORE)
    repository = Repository(organization.take_id(), name, description, is_private, number)
    repository.heads["main"] = organization.take_commit()
    return repository
