"""What the tests of durability share."""
