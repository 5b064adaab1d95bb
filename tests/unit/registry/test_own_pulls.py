"""Which pull times come from a run's own reading."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import chain, repeat

import pytest

from ecr_cleaner.model.image import LONGEST_READING
from ecr_cleaner.registry.own_pulls import CLOCKS_AGREE_WITHIN, Readings
from tests.builders import NOW, image

ONE = image("one")
SECOND = timedelta(seconds=1)


def test_a_pull_time_between_the_moments_of_reading_is_explained() -> None:
    """And a little around them; of no other image, and not where there is none."""
    readings = Readings()
    assert not readings.explain(ONE, NOW)
    readings.note("app", [ONE.digest], NOW, NOW + LONGEST_READING)
    assert readings.explain(ONE, NOW - CLOCKS_AGREE_WITHIN)
    assert readings.explain(ONE, NOW + LONGEST_READING + CLOCKS_AGREE_WITHIN)
    assert not readings.explain(ONE, NOW - CLOCKS_AGREE_WITHIN - SECOND)
    assert not readings.explain(ONE, NOW + LONGEST_READING + CLOCKS_AGREE_WITHIN + SECOND)
    assert not readings.explain(ONE, None)
    assert not readings.explain(image("other"), NOW)
    assert not readings.explain(replace(ONE, repository="else"), NOW)


@pytest.mark.parametrize("took", [LONGEST_READING + timedelta(microseconds=1), timedelta(seconds=-1)])
def test_a_reading_whose_moments_tell_little_explains_nothing(took: timedelta) -> None:
    """The machine slept meanwhile, or its clock was put back."""
    moments = chain([NOW], repeat(NOW + took))
    readings = Readings(lambda: next(moments))
    with readings.reading("app", [ONE.digest]):
        pass
    assert not readings.explain(ONE, NOW)


def test_a_reading_that_fails_is_one() -> None:
    """Its answer may have got lost."""
    readings = Readings(lambda: NOW)
    with pytest.raises(TimeoutError), readings.reading("app", [ONE.digest]):
        raise TimeoutError
    assert readings.explain(ONE, NOW)


def test_a_pull_time_that_was_seen_is_the_only_one() -> None:
    """What lies outside, and an image that nobody pulled yet, decide nothing."""
    readings = Readings()
    readings.note("app", [ONE.digest], NOW, NOW)
    readings.see(ONE)
    readings.see(replace(ONE, last_pulled_at=NOW + timedelta(days=1)))
    readings.see(replace(image("other"), last_pulled_at=NOW))
    assert readings.explain(ONE, NOW + SECOND)
    readings.see(replace(ONE, last_pulled_at=NOW))
    readings.see(replace(ONE, last_pulled_at=NOW + SECOND))
    assert readings.explain(ONE, NOW)
    assert not readings.explain(ONE, NOW + SECOND)


def test_each_reading_has_a_pull_time_of_its_own() -> None:
    """Read again, it may have another one, soon after the first."""
    readings = Readings()
    readings.note("app", [ONE.digest], NOW, NOW)
    readings.see(replace(ONE, last_pulled_at=NOW))
    readings.note("app", [ONE.digest], NOW + SECOND, NOW + SECOND)
    assert readings.explain(ONE, NOW + SECOND)
    readings.see(replace(ONE, last_pulled_at=NOW + SECOND))
    assert readings.explain(ONE, NOW)
    assert not readings.explain(ONE, NOW + 2 * SECOND)
