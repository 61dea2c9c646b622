"""Everything that writes: takes notifications in, verifies them, keeps them, and serves them to readers."""

__version__ = "0.1.0"
