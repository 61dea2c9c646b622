"""Changes, refusals, columns and payloads in words."""
