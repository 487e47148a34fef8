"""Ctrl-C and a polite end (SIGTERM): the work is given up, temporary files go, at a moment that lets them."""

from __future__ import annotations

import signal
import sys
from types import FrameType

_LATER = 0.002  # s

_place: tuple[FrameType, int] | None = None  # where the last one struck in the standard library: frame, instruction


def catch() -> None:
    """From now on a termination is handled as Ctrl-C is; the latter, a shell's background jobs ignore."""
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def interrupt(number: int, frame: FrameType | None) -> None:
    """A signal's handler. Raises KeyboardInterrupt; whoever presses Ctrl-C again doesn't disturb what that sets off.

    Not amid the standard library's own steps: an exception between two of them leaves a lock taken for good, or is
    swallowed where a weak reference dies. There it comes a moment later, unless the library stands still and waits.
    """
    global _place
    if frame is not None and _standard(frame) and hasattr(signal, "setitimer"):
        before, _place = _place, (frame, frame.f_lasti)
        if _place != before:
            signal.signal(signal.SIGALRM, interrupt)
            signal.setitimer(signal.ITIMER_REAL, _LATER)
            return
    _place = None
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _standard(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] in sys.stdlib_module_names
