"""Checks shown to fail where what they check is broken on purpose."""

import contextlib

import pytest

BROKEN = pytest.param(True, id="broken")
RIGHT = pytest.param(False, id="right")


def fails_if(broken):
    """Expect a check to fail, if what it checks was broken."""
    return pytest.raises(AssertionError) if broken else contextlib.nullcontext()
