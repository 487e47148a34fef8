"""A picture taken apart: the person with soft edges, the scene without them, the shadows between."""
