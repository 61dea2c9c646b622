"""What the reading side knows of each sender."""
