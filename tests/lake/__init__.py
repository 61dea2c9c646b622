"""The lake: written by a receiver, and read by the client and by programs that know nothing of ours."""
