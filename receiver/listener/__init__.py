"""The listener: answers what is posted, once it is on disk."""
