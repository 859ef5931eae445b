"""Runs several programs and stops them together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 10  # seconds for a child to finish its work
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ChildEndedError(Exception):
    """Raised if a child ended unexpectedly. The message says which one and how."""


class ProcessSupervisor:
    """Starts children and stops them all at the end of its `with` block.

    On Linux, the children end even if this process is killed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "ProcessSupervisor":
        return self

    def __exit__(self, *exc_info: object) -> None:
        ignore_signals()
        self._end_all()

    def start(self, name: str, command: Sequence[str | Path]) -> None:
        """Start a child, called `name` in messages."""
        # In a separate session, so that Ctrl-C reaches only this process, which stops the children.
        self._children[name] = subprocess.Popen(
            command,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"ASPEN_SERVING": "on"},
            preexec_fn=_end_with_parent(),
        )

    def check(self) -> None:
        """Raise ChildEndedError if a child has ended."""
        for name, child in self._children.items():
            status = child.poll()
            if status is not None:
                how = f"by signal {-status}" if status < 0 else f"with status {status}"
                raise ChildEndedError(f"The {name} ended {how}.")

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> bool:
        """Wait until `ready()` is true; return False after `seconds`."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def watch(self) -> None:
        """Wait until a signal ends this program. Raise ChildEndedError if a child ends."""
        while True:
            self.check()
            time.sleep(0.3)

    def _end_all(self) -> None:
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self._children.values():
            try:
                child.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                # The child leads its session, so this also kills its own children.
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def exit_cleanly_on_signals() -> None:
    """Make Ctrl-C, SIGTERM and SIGHUP end this program with status 0."""
    for number in STOPPING:
        # Under nohup, SIGHUP stays ignored. But if SIGINT is ignored, a script only started this
        # program in the background and may still want to stop it.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit)


def ignore_signals() -> None:
    """Ignore the signals in STOPPING, so that cleanup can finish."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def _exit(_number: int, _frame: FrameType | None) -> None:
    ignore_signals()
    sys.exit(0)


def _end_with_parent() -> Callable[[], None] | None:
    """Return a function for a child to call so that the kernel ends it when this process dies."""
    parent = os.getpid()
    # Look this up here, to do as little as possible between fork and exec.
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:  # not Linux
        return None

    def end_with_parent() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent has already died
            os._exit(1)

    return end_with_parent
