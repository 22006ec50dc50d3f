"""The package as a whole: which Pythons it takes."""

import ast
import inspect

import pytest

import helpers


def test_a_python_that_is_too_old_gets_a_sentence():
    with pytest.raises(
        ImportError, match=r"needs Python 3.11 or newer, and this is Python 3.10. Install a newer Python"
    ):
        helpers.require_python((3, 10, 13))
    helpers.require_python((3, 11, 0))


def test_an_old_python_can_read_the_file_that_turns_it_away():
    ast.parse(inspect.getsource(helpers), feature_version=(3, 4))
