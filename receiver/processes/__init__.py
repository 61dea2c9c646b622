"""What the processes of `serve` have in common: how they begin, show that they work, and what is noted of them."""
