"""Target URLs: which paths are posted to, and the secret in them."""

import hmac
from urllib.parse import unquote

from receiver.sender_admission import PREFIX


def is_posted_to(target: str) -> bool:
    """Tell whether notifications are posted to a target, known or not."""
    return target.lower().startswith(("/webhook/", "/webhooks/", PREFIX))


def is_of_profile(target: str) -> bool:
    """Tell whether a target is that of a sender with a profile, known or not."""
    return target.lower().startswith(PREFIX)


def strip_secret(path: str, secret: str) -> str | None:
    """Return the path without its secret, which may be percent-encoded; None if it has another secret, or none."""
    _, route, candidate, rest = [*path.split("/", 3), "", ""][:4]
    # The comparison takes the same time for every text, so it reveals nothing of the secret.
    return f"/{route}/{rest}" if hmac.compare_digest(unquote(candidate).encode(), secret.encode()) else None
