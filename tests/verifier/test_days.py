"""Days of Indonesia's three zones: whether a printed date has come, and the last day on which something holds."""

from datetime import datetime

import pytest

from verifier.verdict import days, words


def at(text):
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("instant", "lag"),
    [
        ("2026-11-27T14:59:59Z", -1),
        # After midnight in Jayapura, when it is still the day before in Jakarta.
        ("2026-11-27T15:30:00Z", 0),
        ("2026-11-27T17:00:00Z", 0),
        ("2026-11-28T16:59:59Z", 0),
        ("2026-11-28T17:00:00Z", 1),
        ("2026-11-30T00:00:00Z", 2),
    ],
)
def test_a_printed_date_has_come_once_it_has_come_somewhere(instant, lag):
    assert days.lag("2026-11-28", at(instant)) == lag


@pytest.mark.parametrize(
    ("until", "shown"),
    [
        ("2028-12-31T17:00:00Z", "31 Desember 2028 (WIB)"),
        ("2028-12-31T16:00:00Z", "31 Desember 2028 (WITA)"),
        ("2028-12-31T15:00:00Z", "31 Desember 2028 (WIT)"),
        ("2028-12-31T14:00:00Z", "31 Desember 2028 pukul 21.00 WIB"),
        ("2028-12-31T17:00:01Z", "1 Januari 2029 pukul 00.00 WIB"),
    ],
)
def test_what_ends_with_a_day_holds_through_that_day(until, shown):
    assert words.until(at(until), "id") == shown


@pytest.mark.parametrize(("count", "shown"), [(1, "1 day"), (2, "2 days"), (0, "0 days")])
def test_one_day_is_one_day(count, shown):
    assert words.in_days(count, "en") == shown
    assert words.in_days(count, "id") == f"{count} hari"


def test_days_and_dates_are_those_of_western_indonesia():
    assert days.date_of(days.day_of(at("2026-11-27T16:59:59Z"))) == "2026-11-27"
    assert days.date_of(days.day_of(at("2026-11-27T17:00:00Z"))) == "2026-11-28"
    assert days.begin_of(days.day_of(at("2026-11-27T17:00:00Z"))) == at("2026-11-27T17:00:00Z")
