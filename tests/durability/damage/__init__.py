"""Files that are damaged, whole or in part, and what is not damage."""
