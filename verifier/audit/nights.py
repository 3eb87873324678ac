"""Nights that were neither anchored nor closed. Source: docs/spec/audit.md 3."""

from datetime import date, timedelta

from verifier.audit.findings import Finding
from verifier.history.state import DAY, Issuer
from verifier.verdict.checks import instant
from verifier.verdict.words import WIB

FIRST_DAY = date(1970, 1, 1)


def day_of(time: int) -> int:
    """The date of an instant in Western Indonesia Time, as days since 1970-01-01."""
    return (instant(time).astimezone(WIB).date() - FIRST_DAY).days


def date_of(day: int) -> str:
    """A day as a date."""
    return (FIRST_DAY + timedelta(days=day)).isoformat()


def missed(issuer_id: bytes, issuer: Issuer, head_time: int) -> list[Finding]:
    """The nights since an issuer's first closed one of which nothing is on chain.

    An anchor counts for its date and, before noon, for the night before, which a late run anchors. The
    last two days are not judged yet, and neither is one without accreditation.
    """
    if not issuer.anchors and not issuer.nights:
        return []
    name = issuer_id.hex()
    if not issuer.nights:
        return [Finding("closes-no-nights", name)]
    times = [anchor.block_time for anchor in issuer.anchors.values()]
    anchored = {day_of(time) for time in times} | {day_of(time - DAY // 2) for time in times}
    return [
        Finding("missed-night", name, values={"night": date_of(night)})
        for night in range(min(issuer.nights), day_of(head_time) - 1)
        if night not in issuer.nights and night not in anchored and _is_accredited(issuer, night)
    ]


def _is_accredited(issuer: Issuer, night: int) -> bool:
    """Whether an issuer could anchor on a date from its first second to its last, in Western Indonesia Time."""
    begin = night * DAY - int(WIB.utcoffset(None).total_seconds())
    return any(window.from_ <= begin and begin + DAY <= window.until for window in issuer.windows)
