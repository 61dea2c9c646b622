"""How fast the product is, on data that is built once: `python -m tests.benchmarks`."""
