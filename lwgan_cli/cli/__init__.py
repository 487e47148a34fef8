"""The commands."""

import os

# Read when PyTorch and numpy are loaded. Threads that wait should sleep: spinning, those of PyTorch, OpenBLAS, the
# detector and ffmpeg take the cores from one another, and a fit on two busy cores takes ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
