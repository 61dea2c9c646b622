"""CenturyLink Cloud: its events as people call them, and its alarms."""
