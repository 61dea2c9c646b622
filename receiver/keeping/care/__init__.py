"""How the receiver is: the figures an operator looks at, and when each of them is no longer all right."""

from receiver.keeping.care.facts import Appending, Facts, WalWatch, gather
from receiver.keeping.care.figures import LIMITS, Figure, Status, judge

__all__ = ["LIMITS", "Appending", "Facts", "Figure", "Status", "WalWatch", "gather", "judge"]
