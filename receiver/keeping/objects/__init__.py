"""Backups in object storage: uploaded and checked, listed, and fetched again."""
