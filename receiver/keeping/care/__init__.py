"""The receiver's status: the figures that an operator looks at, and the limits of each."""

from receiver.keeping.care.facts import Appending, Facts, SharedSpool, WalWatch, gather
from receiver.keeping.care.figures import LIMITS, Figure, Status, judge

__all__ = ["LIMITS", "Appending", "Facts", "Figure", "SharedSpool", "Status", "WalWatch", "gather", "judge"]
