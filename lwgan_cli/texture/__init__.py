"""The photo as the body's surface: what it shows, what it hides, and what the rest is made up from."""
