"""One real program that runs: the kernel's side of the supervisor. `programs.py` makes servers and clients of it."""

import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from helpers.display.error import CourseError, error_text
from helpers.display.text import visible

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
# The supervisor is none of the processes that Jupyter interrupts or kills together with the kernel.
if sys.platform == "win32":
    _APART = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
else:
    _APART = {"start_new_session": True}

# A program gets these from the kernel's environment, if they are there, and nothing else: no SSLKEYLOGFILE, no
# OPENSSL_CONF, no NODE_OPTIONS, no proxy. So it does the same on every machine, and stays on loopback.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "PATHEXT", "COMSPEC")
# These point to its private folder. So it neither reads the learner's own settings nor leaves anything behind.
_HOMES = ("HOME", "TMPDIR", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TEMP", "TMP")

# A line of Node's stack trace says where in Node's own code it happened. That helps no learner.
_STACK_TRACE = re.compile(r"\s+at ")


class Running:
    """A real program that was started. `port` is where a server listens on 127.0.0.1; a client has None."""

    def __init__(self, port: int | None) -> None:
        self.port = port
        # Nobody can guess the name, so nobody can take it before the supervisor makes the folder.
        self._private = Path(tempfile.gettempdir()).resolve() / f"course-{secrets.token_hex(8)}"
        self._texts = {"report": "", "output": "", "errors": ""}

    @property
    def folder(self) -> Path:
        """The private folder in which the program runs, with the files that it was given."""
        return self._private / "files"

    @property
    def log(self) -> str:
        """What the program has written so far. It can still be read when the program has been ended."""
        return self._text("output")

    @property
    def errors(self) -> str:
        """What a client has written to its standard error. A server's errors stand in its `log`."""
        return self._text("errors")

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self._reported()["pid"]

    @property
    def status(self) -> int | None:
        """None while the program runs. When it has ended by itself: its exit status, or -N if signal N ended it."""
        return self._reported().get("status")

    def last_words(self) -> str:
        """The last lines that the program wrote, for an error that people read. They name no place on this machine."""
        text = (self.log + self.errors).replace(f"{self.folder}{os.sep}", "")
        lines = [line for line in text.splitlines() if line.strip() and not _STACK_TRACE.match(line)]
        if not lines:
            return "It wrote nothing."
        return "\n    ".join(["Its last words:", *(visible(error_text(line)) for line in lines[-6:])])

    def _reported(self) -> dict:
        """What the supervisor says about the program (supervisor.py, `report`). Empty while it has said nothing."""
        return json.loads(self._text("report") or "{}")

    def _text(self, name: str) -> str:
        with suppress(OSError):  # the folder is gone, or not yet there: then what was read last still counts
            self._texts[name] = (self._private / name).read_text(encoding="utf-8", errors="replace")
        return self._texts[name]

    def _keep_texts(self) -> None:
        for name in self._texts:
            self._text(name)


@contextmanager
def supervised(
    program: Path,
    arguments: list[str],
    *,
    files: dict[str, bytes] | None = None,
    given: bytes | None = None,
    environment: dict[str, str] | None = None,
    port: int | None = None,
) -> Iterator[Running]:
    """Start a program, and end it with the with-block: the program, what it started, and its folder.

    "{folder}" in the arguments becomes its working folder. `environment` is what it gets besides what every program
    gets. `given` is all that a client can read on its standard input; None is for a server, whose input stays open.
    Raises ValueError for a file whose name is a path, and CourseError if the program can't be started.
    """
    if any(Path(name).name != name for name in files or {}):
        raise ValueError("a program's files have plain names, without folders")
    running = Running(port)
    request = {
        "private": str(running._private),
        "command": [str(program.absolute()), *(part.replace("{folder}", str(running.folder)) for part in arguments)],
        "environment": {name: os.environ[name] for name in _KEPT if name in os.environ}
        | dict.fromkeys(_HOMES, str(running.folder))
        | (environment or {}),
        "files": {name: content.hex() for name, content in (files or {}).items()},
        "given": None if given is None else given.hex(),
    }
    # The pipe is there before the supervisor is. So an interrupt at any moment closes it, and that ends everything. The
    # system closes it too, when this process is killed: no other child inherits this end of it (PEP 446).
    reading, writing = os.pipe()
    supervisor = None
    try:
        try:
            command = [sys.executable, "-I", "-S", str(_SUPERVISOR)]
            supervisor = subprocess.Popen(command, stdin=reading, stdout=subprocess.DEVNULL, **_APART)
        finally:
            os.close(reading)
        _send(writing, json.dumps(request).encode() + b"\n")
        wait_until(lambda: running._reported() or supervisor.poll() is not None, timeout=30)
        if "pid" not in running._reported():
            why = running._reported().get("error", "the supervisor did not work")
            raise CourseError(f"{program.name} could not be started: {why}.")
        try:
            yield running
        finally:
            running._keep_texts()
    finally:
        os.close(writing)
        if supervisor:
            supervisor.wait()


def _send(pipe: int, content: bytes) -> None:
    with suppress(BrokenPipeError):  # the supervisor has ended, and the caller will see that
        while content:
            content = content[os.write(pipe, content) :]


def wait_until(true: Callable[[], object], timeout: float) -> bool:
    """Wait until `true()` is so, for at most `timeout` seconds. Says whether it came true."""
    end = time.monotonic() + timeout
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
