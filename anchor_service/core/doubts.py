"""What metadata v1 allows and no institute means: refused when it is handed in, and read where it stands on chain.

Each was seen in institutes' lists: what a spreadsheet makes of a number, a letter that nobody sees, a day that is still
to come.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from anchor_service.core.errors import FieldRejected

# Where a day begins first: Eastern Indonesia Time.
_LAST_ZONE = timezone(timedelta(hours=9))
# An error that a spreadsheet shows in the place of a value, or a cell that was too narrow for it.
_ERROR = re.compile(r"#(N/A|[A-Z0-9/]+[!?])|#+|Err:[0-9]+", re.ASCII)
# A number that it shortened, a formula that guards leading zeros, and the mark before a text.
_SPOILED_NUMBER = re.compile(
    r"[0-9]+[.,][0-9]+E[+-]?[0-9]+|[0-9]E\+[0-9]+|=.*|'[0-9][0-9.,/ -]*", re.ASCII | re.IGNORECASE
)
# Letters and marks that show nothing, or a gap: Unicode's default ignorables but for those that metadata v1 refuses
# itself, and the blank of Braille.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff\U0001d173-\U0001d17a]"
)


def last_date(now: int) -> str:
    """The date that has come somewhere in Indonesia, YYYY-MM-DD: one service may be of institutes in several zones."""
    return datetime.fromtimestamp(now, _LAST_ZONE).date().isoformat()


def require_meant(fields: Mapping[str, Any], today: str) -> None:
    """Refuse what is surely a mistake. `today` is what `last_date` says.

    The fields keep the rules of metadata v1. Raises: FieldRejected, naming the field and the remedy.
    """
    for name in ("number", "title", "grade"):
        text = fields.get(name, "")
        if found := _UNSEEN.search(text):
            raise FieldRejected(name, f"holds the invisible character U+{ord(found[0]):04X}")
        if _ERROR.fullmatch(text) or (name == "number" and _SPOILED_NUMBER.fullmatch(text)):
            raise FieldRejected(
                name, f"{text!r} is what a spreadsheet made of it: format the column as text, and enter it again"
            )
    issued_on = fields["issued_on"]
    if issued_on > today:
        raise FieldRejected("issued_on", f"{issued_on} lies after today, {today}: hand it in on that day")
    if "valid_until" in fields and fields["valid_until"][: len(issued_on)] < issued_on:
        raise FieldRejected("valid_until", f"{fields['valid_until']} lies before issued_on {issued_on}")
