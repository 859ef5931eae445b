"""Tracks which processes use a resource, so that the last one can clean up."""

import atexit
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType


class Usage:
    """This process's use of a resource. `when_last` runs in the last process to leave.

    Every process that uses it holds a shared lock (flock) on the same file. The kernel releases a
    process's lock however it ends, so the count cannot go stale. A process leaves when it exits. If
    it is killed, it leaves without cleaning up, and the next process takes over. A forked child is
    not counted until it joins.
    """

    def __init__(self, path: Path, when_last: Callable[[], None]) -> None:
        self._path = path
        self._when_last = when_last
        self._file: int | None = None
        self._registered = False

    @property
    def is_counted(self) -> bool:
        return self._file is not None

    def join(self) -> None:
        """Count this process. Waits while another process cleans up. Idempotent, but not
        thread-safe.
        """
        if self.is_counted:
            return
        file = _open(self._path)
        fcntl.flock(file, fcntl.LOCK_SH)
        self._file = file
        if not self._registered:
            self._registered = True
            atexit.register(self.leave)
            os.register_at_fork(after_in_child=self._forget)
            exit_on_signals()

    def leave(self) -> None:
        """Stop counting this process. No other process can join while `when_last` runs."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            # This is not atomic: the kernel first releases the shared lock. But of two processes
            # that leave at the same time, at least one gets the exclusive lock.
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._when_last()
        finally:
            os.close(file)

    def _forget(self) -> None:
        # The lock belongs to the open file, which parent and child share after a fork, so an
        # upgrade in the child would change the parent's lock.
        if self._file is not None:
            os.close(self._file)
        self._file = None


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait for the exclusive lock on `path`, and hold it inside the block."""
    file = _open(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


@contextmanager
def unused(path: Path) -> Iterator[bool]:
    """Yield whether no process is counted on `path`; if so, none can join inside the block."""
    file = _open(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(file)


def exit_on_signals() -> None:
    """Make SIGTERM and SIGHUP end the program through atexit, unless they are already handled."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
