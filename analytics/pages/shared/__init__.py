"""What the pages share: the frame around each, the store's answers, addresses, tables, words."""
