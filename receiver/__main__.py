"""`python -m receiver` is `clc-receiver`."""

from receiver.cli import main

main()
