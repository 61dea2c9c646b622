"""The parts of `serve`: its children, their restarts, and the handover to another version of itself."""
