"""The receiver's status: the figures that an operator looks at, and the limits of each."""

from receiver.keeping.care.facts import Appending, Facts, WalWatch, gather
from receiver.keeping.care.figures import Status, judge
from receiver.keeping.care.limits import LIMITS, Figure
from receiver.keeping.care.sharing import Machine, SharedSpool

__all__ = ["LIMITS", "Appending", "Facts", "Figure", "Machine", "SharedSpool", "Status", "WalWatch", "gather", "judge"]
