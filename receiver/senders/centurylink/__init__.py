"""CenturyLink Cloud: its events, signatures, bodies and keys."""
