"""Code that all pages share: the frame around each page, the store's answers, addresses, tables."""
