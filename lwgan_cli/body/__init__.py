"""The body as a model: its files, its skeleton, its surface, what it wears."""
