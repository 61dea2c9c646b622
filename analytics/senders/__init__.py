"""Each sender as the dashboard and notebooks describe it: its events, colours and alarms."""
