"""The query service: takes SQL over HTTP, answers one Arrow IPC stream, and changes nothing."""
