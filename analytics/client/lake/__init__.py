"""Asks a lake: months of Parquet files in object storage or a directory, with the views of the store over them."""
