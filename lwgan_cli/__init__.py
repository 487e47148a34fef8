"""Liquid Warping GAN: photos of a person in, video out (Liu et al., ICCV 2019)."""

import os

# What numpy and scipy solve here is small: OpenBLAS's threads, which wait by spinning, make it ten times slower where
# other work shares the machine. PyTorch and OpenCV have threads of their own (--threads).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
