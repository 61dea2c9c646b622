"""Requests that are hostile, odd or too many, sent to a real listener over real sockets."""
