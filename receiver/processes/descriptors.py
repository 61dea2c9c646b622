"""The system's limit on open files: each process takes as many as it may."""

import contextlib
import resource


def allow_descriptors() -> None:
    """Raise the soft limit on open files, often 1,024, to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS refuses infinity; then the limit stays as it is
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
