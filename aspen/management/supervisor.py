"""Runs several programs and ends them together."""

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
    """A child ended unexpectedly; the message says which and how."""


class ProcessSupervisor:
    """Starts children and ends all of them at the end of its `with` block.

    On Linux the children end even if this process is killed.
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
        """Start a child; `name` is for messages."""
        # A separate session: Ctrl-C reaches only this process, which then ends the children.
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
        """Wait until `ready()`; return False after `seconds`."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def watch(self) -> None:
        """Wait until a child ends (ChildEndedError) or a signal ends this program."""
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
                # With its own children: it leads its session.
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def exit_cleanly_on_signals() -> None:
    """Make Ctrl-C, SIGTERM and SIGHUP end this program cleanly, with status 0."""
    for number in STOPPING:
        # Under nohup, SIGHUP stays ignored. An ignored SIGINT only means that a script started us
        # in the background, and it may still want to stop us.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit)


def ignore_signals() -> None:
    """Ignore all signals but SIGKILL, so that cleanup finishes."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def _exit(_number: int, _frame: FrameType | None) -> None:
    ignore_signals()
    sys.exit(0)


def _end_with_parent() -> Callable[[], None] | None:
    """A function for a new child to run, so that the kernel ends it when this process dies."""
    parent = os.getpid()
    # Looked up here, to do as little as possible between fork and exec.
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:  # not Linux
        return None

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # died in the meantime
            os._exit(1)

    return ask
