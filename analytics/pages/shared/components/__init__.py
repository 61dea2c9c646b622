"""Components of our own, with the scripts and style sheets that run in the browser."""
