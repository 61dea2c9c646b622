"""GitHub, which its profile describes; Python only makes up what it would send."""
