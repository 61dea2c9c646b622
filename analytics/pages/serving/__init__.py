"""How the dashboard is served: its first HTML, and which requests are answered."""
