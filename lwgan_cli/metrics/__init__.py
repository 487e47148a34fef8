"""How near a result is to the truth, how sharp and how steady."""
