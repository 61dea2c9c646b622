"""Results that are computed in the background, and how pages wait for them."""
