"""The receiver's status: the figures that an operator looks at, and the limits of each."""

from receiver.keeping.care.facts import Appending, Facts, WalWatch, gather
from receiver.keeping.care.figures import LIMITS, Figure, Status, judge

__all__ = ["LIMITS", "Appending", "Facts", "Figure", "Status", "WalWatch", "gather", "judge"]
