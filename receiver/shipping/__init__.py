"""The process that ships a machine's spool to the shared one where no store runs; otherwise the store does it."""
