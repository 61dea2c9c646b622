"""What deriving needs of each sender: how its bodies are compared, and which of its entities have no state."""

from receiver.changes.differ import Differ
from receiver.changes.plain import PLAIN
from receiver.notification import Category
from receiver.senders import Senders


class SenderRules:
    """The rules of senders, by their names; rows of unknown senders are compared plainly.

    Args:
        senders: the known ones.
    """

    def __init__(self, senders: Senders) -> None:
        self._differs = {name: Differ(sender.comparison) for name, sender in senders.items()}
        self._plain = Differ(PLAIN)
        self.stateless: frozenset[tuple[str, Category]] = frozenset(
            (name, category) for name, sender in senders.items() for category in sender.comparison.stateless
        )
        """The sender and the category of notifications that do not contain their entity's state."""
        self.accounts: frozenset[tuple[str, Category]] = frozenset(
            (name, sender.account_category) for name, sender in senders.items() if sender.account_category
        )
        """The sender and the category of entities that are accounts."""

    def differ_of(self, sender: str) -> Differ:
        """Return what compares a sender's bodies."""
        return self._differs.get(sender, self._plain)


def as_columns(pairs: frozenset[tuple[str, Category]]) -> list[list[str]]:
    """Return the parameters of a query that has pairs as `unnest($1) AS sender, unnest($2) AS category`."""
    return [[sender for sender, _ in pairs], [category for _, category in pairs]]
