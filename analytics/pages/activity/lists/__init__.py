"""The lists of the page Activity."""
