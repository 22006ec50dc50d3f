"""The small process that stands between the kernel and a real program, so that the program never outlives the kernel.

`programs.py` starts it as a script. Its standard input is a pipe whose other end only the kernel holds. When that pipe
ends, because the lesson is done with the program or because the kernel was killed, the supervisor ends the program and
removes its folder. It has a session of its own: Jupyter interrupts and kills the kernel's whole process group, and that
must not reach the one process that cleans up. Windows has its own ways to do this. They are foreseen, but not tested.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

# How many seconds a program has to end by itself before it is killed.
GRACE = 0.4
# prctl(2), Linux only: a process whose parent ended becomes a child of this process, and not of process 1.
PR_SET_CHILD_SUBREAPER = 36
LINUX, WINDOWS = sys.platform == "linux", sys.platform == "win32"


def main() -> None:
    # Everything made from here on, by the program too, is for this user only: 0600 for files, 0700 for folders.
    os.umask(0o077)
    # When the machine shuts down, this process is asked to end as well. Then it cleans up first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    if LINUX:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    request = sys.stdin.readline()
    if request.endswith("\n"):  # or the kernel ended in the middle of it
        supervise(**json.loads(request))


def supervise(private: str, command: list[str], environment: dict, files: dict, given: str | None) -> None:
    """Run `command` in the new folder `private` until the pipe ends. `files` and `given` come in hexadecimal."""
    place = Path(private)
    place.mkdir()
    try:
        (place / "files").mkdir()
        for name, written in files.items():
            path, content = place / "files" / name, bytes.fromhex(written)
            path.write_bytes(content)
            if content.startswith(b"#!"):
                path.chmod(0o700)  # a script, for the program to run
        try:
            program = start(command, environment, place, given)
        except OSError as error:
            report(place, error=error.strerror)
            sys.stdin.read()
            return
        report(place, pid=program.pid)
        watch = threading.Thread(target=report_the_end, args=(program, place), daemon=True)
        watch.start()
        try:
            sys.stdin.read()  # gives nothing: it returns when the pipe ends
        finally:
            end(program, watch)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def start(command: list[str], environment: dict, place: Path, given: str | None) -> subprocess.Popen:
    """Start a client, which reads `given` and then meets the end of it, or a server, where `given` is None."""
    apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if WINDOWS else {"process_group": 0}
    with contextlib.ExitStack() as files:
        output = files.enter_context((place / "output").open("ab"))
        if given is None:
            # openssl s_server ends when its standard input does. So a server gets one that stays open and says nothing.
            streams = {"stdin": subprocess.PIPE, "stdout": output, "stderr": output}
        else:
            (place / "input").write_bytes(bytes.fromhex(given))
            source = files.enter_context((place / "input").open("rb"))
            errors = files.enter_context((place / "errors").open("ab"))
            streams = {"stdin": source, "stdout": output, "stderr": errors}
        return subprocess.Popen(command, cwd=place / "files", env=environment, **streams, **apart)


def report_the_end(program: subprocess.Popen, place: Path) -> None:
    status = program.wait()
    send_to_group(program, "SIGKILL")  # what it left running has no owner any more
    report(place, pid=program.pid, status=status)


def end(program: subprocess.Popen, watch: threading.Thread) -> None:
    """End the program and whatever it started: ask, wait a moment, kill."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # nothing interrupts this any more
    for name in ("SIGTERM", "SIGKILL"):
        if watch.is_alive():
            send_to_group(program, name)
            watch.join(GRACE)
    watch.join(10)  # on a busy machine even a killed process takes its time
    # A child may have left the group (a daemon does). As an orphan it is now a child of this process.
    while orphans := children():
        for orphan in orphans:
            os.kill(orphan, signal.SIGKILL)
            os.waitpid(orphan, 0)


def send_to_group(program: subprocess.Popen, name: str) -> None:
    if WINDOWS:
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(program.pid)], capture_output=True)
    else:
        # No such process: it has just ended. No permission: so macOS says it, while nobody has waited for its end yet.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(program.pid, getattr(signal, name))


def children() -> list[int]:
    """The ids of this process's children. Only Linux needs it: elsewhere no orphan comes here."""
    found = []
    for process in Path("/proc").glob("[0-9]*/stat") if LINUX else ():
        with contextlib.suppress(OSError):
            # "123 (any name) S 45 ...": the parent's id is the second field after the name (proc(5)).
            if int(process.read_text(errors="replace").rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(process.parent.name))
    return found


def report(place: Path, **facts: object) -> None:
    """Tell the kernel. It finds the whole of a report or none of it: the file is written beside its place."""
    new = place / "report.new"
    new.write_text(json.dumps(facts))
    while True:
        try:
            new.replace(place / "report")
        except PermissionError:  # on Windows, while the kernel is just reading the one before
            time.sleep(0.01)
        else:
            return


if __name__ == "__main__":
    main()
