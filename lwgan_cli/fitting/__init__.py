"""From points to bodies in motion: pose, shape, camera, hands and face; and motions put on other bodies."""
