"""What is acknowledged is never lost: faults that really happen to real processes and files."""
