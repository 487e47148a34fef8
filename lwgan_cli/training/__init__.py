"""Networks trained: data, losses, the step, the loop, one person."""
