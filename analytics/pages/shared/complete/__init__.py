"""Since when the store is complete: a receiver may drop months that are in the lake."""
