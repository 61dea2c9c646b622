"""What pages show that is computed apart from them, and how they wait for it."""
