"""The tests: `receiver`, `analytics` and `browser` mirror the product, `durability` proves its promise."""
