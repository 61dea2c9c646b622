"""Old months go from the store, and nothing that later rows need goes with them."""
