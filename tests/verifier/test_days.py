"""Days of Indonesia's three zones: whether a printed date has come, and the last day on which something holds."""

from datetime import datetime

import pytest

from verifier import report
from verifier.chain.facts import LAST_TIME
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


@pytest.mark.parametrize(
    ("instant", "shown", "text"),
    [
        (at("9999-12-31T14:59:59Z"), "31 December 9999 at 21:59 WIB", "9999-12-31T14:59:59Z"),
        # Midnight has passed in the zone, and there is no such year.
        (at("9999-12-31T23:59:59Z"), "31 December 9999 at 23:59 UTC", "9999-12-31T23:59:59Z"),
        (at("9999-12-31T23:59:59Z") + 1, "253402300800", "253402300800"),
        (2**63, "9223372036854775808", "9223372036854775808"),
        (2**64 - 1, "18446744073709551615", "18446744073709551615"),
    ],
)
def test_what_no_date_says_is_a_number(instant, shown, text):
    assert words.date_time(instant, "en") == shown
    assert report.rfc3339(instant) == text


def test_the_last_time_is_a_date_in_every_zone():
    assert days.day_of(LAST_TIME) == days.day_of(LAST_TIME - 86_400) + 1
    assert days.lag("9999-12-31", LAST_TIME) == 0
    assert at("9999-12-31T23:59:59+09:00") == LAST_TIME
