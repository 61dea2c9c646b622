"""Code for all pages: the frame around each page, the store's answers, addresses, tables."""
