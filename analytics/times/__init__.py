"""Time ranges, bins, working hours and time zones."""
