"""The differences between two bodies of an entity; pure, without a database."""
