"""`python -m receiver` is `clc-receiver`."""

import signal


def main() -> None:
    """Run `clc-receiver`. Ctrl-C while its modules are imported ends it at once: Python would print a traceback."""
    interrupt = signal.getsignal(signal.SIGINT)
    if interrupt is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from receiver.cli import main as run  # noqa: PLC0415 - while that is so

    signal.signal(signal.SIGINT, interrupt)
    run()


if __name__ == "__main__":
    main()
