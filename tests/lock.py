"""Compile both locks from pyproject.toml: `python tests/lock.py`. With `--upgrade`, every version is chosen anew.

Each lock begins with a digest of the dependencies that it was compiled from; tests/test_locks.py compares it.
"""

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def digest() -> str:
    wanted = {key: project()[key] for key in ("requires-python", "dependencies", "optional-dependencies")}
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()


# pip names the first package that has no version for an old Python, which helps nobody. This line stops it before, with a
# sentence: on such a Python it asks for a folder that cannot be there.
OLD_PYTHON = (
    'python-is-too-old @ file:///This%20course%20needs%20Python%203.11%20or%20newer ; python_version < "3.11"\n'
)


def head() -> str:
    made = f"# Made by tests/lock.py from pyproject.toml. Digest of its dependencies: {digest()}\n"
    return made + OLD_PYTHON


def compile_lock(target: Path, *options: str) -> None:
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "--universal",
        "--python-version",
        "3.11",
        "--no-header",
        "--quiet",
    ]
    # uv keeps the versions of the lock that is there, unless it is told to upgrade.
    subprocess.run([*command, *options, *sys.argv[1:], "pyproject.toml", "-o", str(target)], cwd=ROOT, check=True)


def without_course(lock: Path) -> str:
    """uv reads and writes the lock without the course itself; pip needs it."""
    lines = lock.read_text(encoding="utf-8").splitlines(keepends=True) if lock.exists() else []
    return "".join(line for line in lines if line not in ("-e .\n", OLD_PYTHON) and "Digest of its" not in line)


def write(lock: Path, text: str) -> None:
    lock.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    learners, tests = ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt"
    for lock in (learners, tests):
        write(lock, without_course(lock))
    compile_lock(learners)
    compile_lock(tests, "--extra", "test", "--constraint", str(learners))
    for lock in (learners, tests):
        write(lock, head() + lock.read_text(encoding="utf-8") + "-e .\n")
