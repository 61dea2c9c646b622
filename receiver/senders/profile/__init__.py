"""A sender as a file: a profile in TOML says all that is known of it."""

from receiver.senders.profile.directory import FILE, check_name, load_directory, load_shipped
from receiver.senders.profile.handshakes import Handshake
from receiver.senders.profile.profile import DERIVATION, Example, Profile
from receiver.senders.profile.reading import load_profile

__all__ = [
    "DERIVATION",
    "FILE",
    "Example",
    "Handshake",
    "Profile",
    "check_name",
    "load_directory",
    "load_profile",
    "load_shipped",
]
