"""The listener: answers posted notifications, once they are on disk."""
