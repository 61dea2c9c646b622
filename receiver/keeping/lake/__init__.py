"""The lake: finished months of the store as Parquet, in object storage, for other programs and for history."""
