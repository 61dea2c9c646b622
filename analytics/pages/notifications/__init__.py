"""The page Notifications."""
