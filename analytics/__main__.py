"""`python -m analytics` is `clc-analytics`."""

from analytics.cli import main

if __name__ == "__main__":
    main()
