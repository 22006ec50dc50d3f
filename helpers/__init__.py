"""The helpers of the course: every lesson runs a real protocol with them, and sees what the run showed.

Read the modules in the order of the lessons: `exchange` (the model), `trust.pki` (certificates),
`protocols.tls` (the handshake), `protocols.login` (what happens above it).
"""

import sys

OLDEST_PYTHON = (3, 11)


def require_python(version):
    """Raise ImportError, with a sentence that says what to do, where `version` (major, minor, ...) is too old."""
    # No f-string and no annotation here: this file must still be readable by the old Python that it turns away.
    if tuple(version[:2]) < OLDEST_PYTHON:
        raise ImportError(
            "This course needs Python %d.%d or newer, and this is Python %d.%d. Install a newer Python from python.org"
            " or from your system, delete the folder .venv, and run the command of the README again."
            % (OLDEST_PYTHON + tuple(version[:2]))
        )


require_python(sys.version_info)
