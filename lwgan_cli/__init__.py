"""Liquid Warping GAN: photos of a person in, video out (Liu et al., ICCV 2019)."""

__version__ = "0.1.0"
