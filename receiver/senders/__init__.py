"""What is known of each sender."""
