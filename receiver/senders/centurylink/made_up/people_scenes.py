"""Scenes of accounts and users, as steps; each scene changes the world.

A scene is a function that takes the world and returns steps, none where the world has nobody to play it.
"""

import re
import unicodedata

from receiver.senders.centurylink.made_up import names
from receiver.senders.centurylink.made_up.steps import Step, step
from receiver.senders.centurylink.made_up.world import (
    DEMO_ALIAS,
    DEMO_NAME,
    PLATFORM_ALIAS,
    ROOT_ALIAS,
    ROOT_NAME,
    Account,
    User,
    World,
)

MAX_DEPTH = 3
FEW_ACCOUNTS = 6
FEW_SERVERS = 3
"""A customer with more does not close its account from one day to the next."""
ALIAS_LENGTH = 4


def make_account(world: World, parent: Account | None, alias: str = "", business_name: str = "") -> Account:
    """Make an account below a parent, or the reseller's own without one, and add it to the world."""
    rng = world.rng
    name = business_name or company_name(world)
    city = rng.choice(names.CITIES)
    account = Account(
        alias=alias or _free_alias(world, name),
        business_name=name,
        parent_alias=parent.alias if parent else PLATFORM_ALIAS,
        depth=parent.depth + 1 if parent else 0,
        address_line1=_street(world),
        address_line2=_suite(world),
        city=city.city,
        state_province=city.state_province,
        country=city.country,
        postal_code=city.postal_code,
        telephone=_telephone(world),
        data_center=city.data_center,
        status="Demo" if world.chance(0.15) and not alias else "Active",
        is_managed=world.chance(0.3),
    )
    world.aliases_used.add(account.alias)
    world.accounts.add(account)
    return account


def make_user(world: World, alias: str) -> User:
    """Make a user of an account and add it to the world."""
    rng = world.rng
    first, last = rng.choice(names.FIRST_NAMES), rng.choice(names.LAST_NAMES)
    handle = _ascii(f"{first[0]}{last}").lower()
    address = f"{_ascii(first).lower()}.{_ascii(last).lower()}@{alias.lower()}.example"
    base = address if world.chance(0.4) else f"{handle}.{alias.lower()}"
    name, number = base, 2
    while name in world.user_names_used:
        name, number = f"{base}{number}", number + 1
    world.user_names_used.add(name)
    user = User(name, alias, address, first, last)
    world.add_user(user)
    return user


def opening_scenes(world: World) -> list[list[Step]]:
    """Return the first scenes: the reseller appears, then its first customers with their people; `DEMO` is one."""
    root = make_account(world, None, ROOT_ALIAS, ROOT_NAME)
    root.status = "Active"
    scenes = [[step(0, "Account.Updated", root)]]
    scenes += [[step(0, "User.Created", make_user(world, ROOT_ALIAS))] for _ in range(3)]
    demo = make_account(world, root, DEMO_ALIAS, DEMO_NAME)
    scenes.append([step(0, "Account.Created", demo), step(40, "User.Created", make_user(world, DEMO_ALIAS))])
    scenes += [open_account(world) for _ in range(6)]
    return scenes


def _may_have_children(account: Account) -> bool:
    return account.status == "Active" and account.depth < MAX_DEPTH


def active_account(world: World) -> Account | None:
    """Draw an account that is not disabled, below the reseller's own."""
    return world.accounts.draw(world.rng, lambda account: account.status != "Disabled" and account.depth > 0)


def open_account(world: World) -> list[Step]:
    """Open a sub-account, half of them right below the reseller, with an administrator and perhaps more people."""
    root = world.account(ROOT_ALIAS)
    parent = None if world.chance(0.5) else world.accounts.draw(world.rng, _may_have_children)
    account = make_account(world, parent or root)
    steps = [step(0, "Account.Created", account)]
    for _ in range(world.rng.randint(1, 3)):
        delay = steps[-1].delay + world.rng.uniform(20, 400)
        steps.append(step(delay, "User.Created", make_user(world, account.alias)))
    return steps


def correct_account(world: World) -> list[Step]:
    """Change an account's address, telephone or name."""
    account = active_account(world)
    if account is None:
        return []
    change_account(world, account)
    return [step(0, "Account.Updated", account)]


def change_account(world: World, account: Account) -> None:
    """Give an account another address, now and then another telephone or name instead."""
    if world.chance(0.6):
        change_address(world, account)
    elif world.chance(0.75) or account.alias == DEMO_ALIAS:
        account.telephone = _telephone(world)
    else:
        account.business_name = company_name(world)


def change_address(world: World, account: Account) -> None:
    """Move an account's office to an address that differs from the present one."""
    before = account.address_line1
    while account.address_line1 == before:
        account.address_line1 = _street(world)
    account.address_line2 = _suite(world)


def change_account_status(world: World) -> list[Step]:
    """Let a trial become a customer, suspend one that does not pay, or let it work again."""
    account = world.accounts.draw(world.rng, lambda account: account.alias not in (ROOT_ALIAS, DEMO_ALIAS))
    if account is None:
        return []
    suspends = account.status == "Active" and world.chance(0.25)
    account.status = "Disabled" if suspends else "Active"
    return [step(0, "Account.Updated", account)]


def close_account(world: World) -> list[Step]:
    """Close a small account without sub-accounts: its servers go first, then its people, then itself."""
    parents = {account.parent_alias for account in world.accounts}

    def may_close(account: Account) -> bool:
        stays = account.alias in parents or account.alias == DEMO_ALIAS or len(world.accounts) <= FEW_ACCOUNTS
        return not stays and len(world.servers_of(account.alias)) <= FEW_SERVERS

    account = world.accounts.draw(world.rng, may_close)
    return [] if account is None else closing_steps(world, account, 0)


def closing_steps(world: World, account: Account, delay: float) -> list[Step]:
    """Take an account and all that it has out of the world, from `delay` seconds on."""
    steps = []
    for server in world.servers_of(account.alias):
        delay += world.rng.uniform(10, 60)
        steps.append(step(delay, "Server.Deleted", server))
        world.remove_server(server)
    for user in list(world.users_by_account.get(account.alias, ())):
        delay += world.rng.uniform(10, 60)
        steps.append(step(delay, "User.Deleted", _mark_deleted(user)))
        world.remove_user(user)
    account.status = "Deleted"
    steps.append(step(delay + 30, "Account.Deleted", account))
    world.accounts.remove(account)
    return steps


def join(world: World) -> list[Step]:
    """Let somebody join an account, the reseller's own too."""
    account = world.accounts.draw(world.rng, lambda account: account.status != "Disabled")
    return [] if account is None else [step(0, "User.Created", make_user(world, account.alias))]


def rename_user(world: World) -> list[Step]:
    """Change what shows in a user's body: the last name or the e-mail address."""
    user = _active_user(world)
    if user is None:
        return []
    rename(world, user)
    return [step(0, "User.Updated", user)]


def rename(world: World, user: User) -> None:
    """Give a user another e-mail address, and perhaps another last name."""
    if world.chance(0.5):
        user.last_name = world.rng.choice(names.LAST_NAMES)
    handle = _ascii(f"{user.first_name}.{user.last_name}").lower()
    user.email_address = f"{handle}{world.rng.randint(2, 99)}@{user.account_alias.lower()}.example"


def change_password(world: World) -> list[Step]:
    """Change a password, PIN or telephone: the body stays the same, and that is the trace."""
    user = _active_user(world)
    return [] if user is None else [step(0, "User.Updated", user)]


def disable_or_enable(world: World) -> list[Step]:
    """Disable a user who is not the account's last, or enable a disabled one."""
    user = world.users.draw(world.rng, lambda user: user.status == "Disabled" or _may_go(world, user))
    if user is None:
        return []
    user.status = "Active" if user.status == "Disabled" else "Disabled"
    return [step(0, "User.Updated", user)]


def leave(world: World) -> list[Step]:
    """Delete a user who is not the account's last."""
    user = world.users.draw(world.rng, lambda user: _may_go(world, user))
    if user is None:
        return []
    world.remove_user(user)
    return [step(0, "User.Deleted", _mark_deleted(user))]


def _mark_deleted(user: User) -> User:
    user.status = "Deleted"
    return user


def _active_user(world: World) -> User | None:
    return world.users.draw(world.rng, lambda user: user.status == "Active")


def _may_go(world: World, user: User) -> bool:
    return any(other is not user for other in world.active_users(user.account_alias))


def company_name(world: World) -> str:
    """Make up a company's name."""
    rng = world.rng
    return f"{rng.choice(names.COMPANY_FIRST)} {rng.choice(names.COMPANY_SECOND)}{rng.choice(names.COMPANY_LAST)}"


def _street(world: World) -> str:
    return f"{world.rng.randint(1, 2400)} {world.rng.choice(names.STREETS)}"


def _suite(world: World) -> str:
    return f"Suite {world.rng.randint(1, 40) * 25}" if world.chance(0.6) else ""


def _telephone(world: World) -> str:
    # 555-01xx is set aside for fiction.
    return f"{world.rng.randint(201, 989)}-555-01{world.rng.randint(0, 99):02d}"


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("Ł", "L").replace("ł", "l").replace("Ø", "O").replace("ø", "o"))
    return re.sub(r"[^A-Za-z0-9.]", "", plain)


def letters_of(business_name: str) -> str:
    """Return the letters of a company's alias: its name's first letter and its consonants, in capitals."""
    letters = re.sub(r"[^A-Z]", "", _ascii(business_name.partition(",")[0]).upper())
    return letters[0] + re.sub(r"[AEIOU]", "", letters[1:])


def _free_alias(world: World, business_name: str) -> str:
    letters = letters_of(business_name)
    for length in (3, ALIAS_LENGTH, 2):
        if len(letters) >= length and letters[:length] not in world.aliases_used:
            return letters[:length]
    while (alias := f"{letters[:2]}{_base36(world.rng.randrange(36**2))}") in world.aliases_used:
        letters = chr(world.rng.randrange(26) + ord("A")) + letters
    return alias


def _base36(number: int) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return digits[number // 36] + digits[number % 36]
