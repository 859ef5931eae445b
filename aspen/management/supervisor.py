"""Runs programs side by side and ends them together."""

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
GRACE_SECONDS = 10  # seconds a child has for finishing its work
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ChildEndedError(Exception):
    """A child ended although nobody asked for it; says which and how."""


class ProcessSupervisor:
    """Starts children and, at the end of its `with` block, ends every one of them.

    The children do not outlive this process even when it is killed outright.
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
        """Start a child called `name` for people, by a command line."""
        # A session of its own: Ctrl-C in the terminal reaches this process only, which then
        # ends the children in order.
        self._children[name] = subprocess.Popen(
            command,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"ASPEN_SERVING": "on"},
            preexec_fn=_end_with_parent(),
        )

    def check(self) -> None:
        """Raise ChildEndedError when a child has ended."""
        for name, child in self._children.items():
            status = child.poll()
            if status is not None:
                how = f"by signal {-status}" if status < 0 else f"with status {status}"
                raise ChildEndedError(f"The {name} ended {how}.")

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> bool:
        """Wait until `ready()`; False when that takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def watch(self) -> None:
        """Stay until a child ends (ChildEndedError) or a signal ends this program."""
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
                # With its own children: it is the leader of its session.
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def exit_cleanly_on_signals() -> None:
    """Make Ctrl-C, SIGTERM and SIGHUP end this program in good order, with status 0."""
    for number in STOPPING:
        # What was started with nohup stays when the terminal goes. An ignored SIGINT only means
        # that a script started us in the background, where it may well mean to stop us.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit)


def ignore_signals() -> None:
    """From here on nothing but SIGKILL interrupts: clearing up must come to its end."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def _exit(_number: int, _frame: FrameType | None) -> None:
    ignore_signals()
    sys.exit(0)


def _end_with_parent() -> Callable[[], None] | None:
    """Return what a new child runs so that the kernel ends it when this process dies."""
    parent = os.getpid()
    # Looked up here: between fork and exec as little as possible should happen.
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:  # not Linux
        return None

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # died in the meantime
            os._exit(1)

    return ask
