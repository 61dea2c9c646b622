"""The state of the simulated world: accounts, users and servers, and what is known of each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Generic, NamedTuple, TypeVar

PLATFORM_ALIAS = "T3N"
"""The parent of the reseller's own account: the platform, which the reseller never hears of."""
ROOT_ALIAS = "SUNR"
ROOT_NAME = "Sunrise Cloud Partners"
DEMO_ALIAS = "DEMO"
DEMO_NAME = "Demo Toys, Inc"
PUBLIC_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
"""The documentation ranges (RFC 5737)."""


class PublicAddress(NamedTuple):
    """A public address and the internal one it leads to."""

    public: str
    internal: str


class AlertPolicy(NamedTuple):
    """An alert policy that watches a server."""

    id: str
    name: str


class Partition(NamedTuple):
    """A partition. `size` is the number's spelling in JSON, in GB: `13.655`, `0.0`, `2.890`."""

    size: str
    path: str


class CustomField(NamedTuple):
    """A custom field of a server; the platform's ids are numbers or hex strings."""

    id: int | str
    name: str
    value: str


@dataclass(slots=True)
class Account:
    """An account or sub-account."""

    alias: str
    business_name: str
    parent_alias: str
    depth: int
    address_line1: str
    address_line2: str
    city: str
    state_province: str
    country: str
    postal_code: str
    telephone: str
    data_center: str
    status: str = "Active"
    is_managed: bool = False

    @property
    def key(self) -> str:
        """Name the account among all entities."""
        return account_key(self.alias)

    @property
    def follows(self) -> tuple[str, ...]:
        """Name the account and the one above it."""
        return self.key, account_key(self.parent_alias)


@dataclass(slots=True)
class User:
    """A user of an account."""

    user_name: str
    account_alias: str
    email_address: str
    first_name: str
    last_name: str
    status: str = "Active"

    @property
    def key(self) -> str:
        """Name the user among all entities."""
        return user_key(self.user_name)

    @property
    def follows(self) -> tuple[str, ...]:
        """Name the user and its account."""
        return self.key, account_key(self.account_alias)


@dataclass(slots=True)
class Server:
    """A server. Collections are tuples, so that a shallow copy is a snapshot."""

    name: str
    account_alias: str
    location: str
    description: str
    group_id: str
    activity_id: str
    os_type: str
    os: str
    kind: str
    storage_type: str
    created_by: str
    modified_by: str
    cpu: int
    memory_gb: int
    internal_addresses: tuple[str, ...]
    disks_gb: tuple[int, ...]
    partitions: tuple[Partition, ...]
    status: str = "underConstruction"
    power_state: str = "started"
    is_template: bool = False
    in_maintenance: bool = False
    has_snapshot: bool = False
    public_addresses: tuple[PublicAddress, ...] = ()
    alert_policies: tuple[AlertPolicy, ...] = ()
    custom_fields: tuple[CustomField, ...] = ()
    autoscale_policy_id: str | None = None

    @property
    def key(self) -> str:
        """Name the server among all entities."""
        return f"server {self.name}"

    @property
    def follows(self) -> tuple[str, ...]:
        """Name the server, its account and the user who changed it last."""
        return self.key, account_key(self.account_alias), user_key(self.modified_by)


@dataclass(slots=True)
class Alert:
    """A crossing of an alert policy's threshold by a server, upwards or back."""

    account_alias: str
    server_name: str
    metric: str
    data: dict[str, float]
    minutes: int
    state: str

    @property
    def key(self) -> str:
        """Name the server that the alert is about: its events and its alerts keep their order."""
        return f"server {self.server_name}"

    @property
    def follows(self) -> tuple[str, ...]:
        """Name the server and its account."""
        return self.key, account_key(self.account_alias)


WorldSubject = Account | User | Server | Alert


def story_addresses(network: str) -> list[str]:
    """Return a network's public addresses that are kept for stories: no server of the ordinary world has one."""
    return [f"{network}.{host}" for host in range(240, 255)]


def user_key(user_name: str) -> str:
    """Name a user among all entities."""
    return f"user {user_name}"


def account_key(alias: str) -> str:
    """Name an account among all entities."""
    return f"account {alias}"


T = TypeVar("T", bound=WorldSubject)


class Pool(Generic[T]):
    """Entities in a reproducible order, of which any can be drawn or removed in constant time."""

    def __init__(self) -> None:
        """Start empty."""
        self._items: list[T] = []
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        """Count the entities."""
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        """Go through the entities in a reproducible order."""
        return iter(self._items)

    def add(self, item: T) -> None:
        """Add an entity that is not in the pool."""
        self._places[item.key] = len(self._items)
        self._items.append(item)

    def remove(self, item: T) -> None:
        """Take an entity out; the last one takes its place."""
        place = self._places.pop(item.key)
        last = self._items.pop()
        if last is not item:
            self._items[place] = last
            self._places[last.key] = place

    def find(self, key: str) -> T | None:
        """Return the entity of that key, or None."""
        place = self._places.get(key)
        return None if place is None else self._items[place]

    def draw(self, rng: Random, fits: Callable[[T], bool], tries: int = 12) -> T | None:
        """Return a random entity that fits; None after so many tries that did not."""
        if not self._items:
            return None
        candidates = (self._items[rng.randrange(len(self._items))] for _ in range(tries))
        return next((item for item in candidates if fits(item)), None)


@dataclass
class World:
    """All that exists in the simulated world, and the chance that moves it."""

    rng: Random
    accounts: Pool[Account] = field(default_factory=Pool)
    servers: Pool[Server] = field(default_factory=Pool)
    users: Pool[User] = field(default_factory=Pool)
    users_by_account: dict[str, list[User]] = field(default_factory=dict)
    aliases_used: set[str] = field(default_factory=lambda: {PLATFORM_ALIAS, ROOT_ALIAS, DEMO_ALIAS})
    user_names_used: set[str] = field(default_factory=set)
    server_numbers: dict[str, int] = field(default_factory=dict)
    public_in_use: set[str] = field(
        default_factory=lambda: {address for network in PUBLIC_NETWORKS for address in story_addresses(network)}
    )

    def chance(self, share: float) -> bool:
        """Decide something that happens in this share of cases."""
        return self.rng.random() < share

    def new_id(self) -> str:
        """Make an id as the platform does: 32 lower-case hex digits."""
        return f"{self.rng.getrandbits(128):032x}"

    def account(self, alias: str) -> Account | None:
        """Return the account of that alias, or None."""
        return self.accounts.find(account_key(alias))

    def servers_of(self, alias: str) -> list[Server]:
        """Return the servers of an account, not those of its sub-accounts."""
        return [server for server in self.servers if server.account_alias == alias]

    def add_user(self, user: User) -> None:
        """Let a user join its account."""
        self.users.add(user)
        self.users_by_account.setdefault(user.account_alias, []).append(user)

    def remove_user(self, user: User) -> None:
        """Let a user leave; the name is never used again."""
        self.users.remove(user)
        self.users_by_account[user.account_alias].remove(user)

    def remove_server(self, server: Server) -> None:
        """Take a server away and give its public addresses back."""
        self.servers.remove(server)
        self.public_in_use.difference_update(address.public for address in server.public_addresses)

    def active_users(self, alias: str) -> list[User]:
        """Return an account's users who may log in."""
        return [user for user in self.users_by_account.get(alias, ()) if user.status == "Active"]

    def actor_for(self, alias: str) -> str:
        """Return a user who acts in an account: one of its own, or of the nearest account above that has any."""
        while account := self.account(alias):
            if users := self.active_users(alias):
                return self.rng.choice(users).user_name
            alias = account.parent_alias
        return "system@sunrisecloud.example"
