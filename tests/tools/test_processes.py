"""Whoever is told to end cleans up first, and is not disturbed at it."""

from __future__ import annotations

import os
import signal

import pytest

from tools.processes import StoppedError, stoppable

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_request_to_end_is_an_error_and_later_ones_are_not_heard(number: signal.Signals) -> None:
    """Ctrl-C, a supervisor, a terminal that is closed; afterwards everything is as before."""
    before = {one: signal.getsignal(one) for one in NUMBERS}
    with pytest.raises(StoppedError) as stopped:
        _stop_at_work(number)
    assert stopped.value.number == number
    assert {one: signal.getsignal(one) for one in NUMBERS} == before


def _stop_at_work(number: signal.Signals) -> None:
    with stoppable():
        try:
            os.kill(os.getpid(), number)
        finally:
            for one in NUMBERS:
                os.kill(os.getpid(), one)
