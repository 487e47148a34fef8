"""What can go wrong, sorted by what the user has to do about it.

LwganError            exit code 1: the work failed
├── UsageError        exit code 2: an option or its value is wrong
├── InputError        exit code 3: an input can't be used (unreadable, nobody found)
└── WeightsError      exit code 4: a weights file is missing or wrong

The message is one line: what failed, with the offending value, then what to do.
"""

import struct
import zipfile
import zlib

# What numpy and zipfile raise on a damaged .npz.
NPZ_DAMAGE = (
    *(OSError, ValueError, EOFError, KeyError, TypeError, NotImplementedError, RuntimeError, MemoryError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


class LwganError(Exception):
    """The work failed. `str(error)` is the one line that the user sees."""

    exit_code = 1


class UsageError(LwganError):
    """An option's value, or a combination of options, makes no sense."""

    exit_code = 2


class InputError(LwganError):
    """An input file can't be used: unreadable, empty, nobody in the picture."""

    exit_code = 3


class WeightsError(LwganError):
    """A weights file is missing, damaged, or of another layout than asked for."""

    exit_code = 4


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, numpy, PyTorch (on the CPU or a GPU) or OpenCV says by this error that memory ran out."""
    words = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"  # PyTorch's, for a GPU
        or "can't allocate memory" in words
        or "Insufficient memory" in words
    )
