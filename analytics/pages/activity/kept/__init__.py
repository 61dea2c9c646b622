"""Counts that the store keeps, from which the page Activity reads long ranges."""
