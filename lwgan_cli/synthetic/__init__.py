"""People that we render: bodies, clothes, faces, scenes and motions, with the truth beside them."""
