"""Nights that were neither anchored nor closed. Source: docs/spec/audit.md 3."""

from verifier.audit.findings import Finding
from verifier.history.state import DAY, Issuer
from verifier.verdict.days import begin_of, date_of, day_of


def missed(issuer_id: bytes, issuer: Issuer, head_time: int) -> list[Finding]:
    """The nights since an issuer's first closed one of which nothing is on chain.

    An anchor counts for its date and, before noon, for the night before, which a late run anchors. The
    last two days are not judged yet, and neither is one without accreditation.
    """
    if not issuer.anchors and not issuer.closed_nights:
        return []
    name = issuer_id.hex()
    if not issuer.closed_nights:
        return [Finding("closes-no-nights", name)]
    times = [anchor.block_time for anchor in issuer.anchors.values()]
    anchored = {day_of(time) for time in times} | {day_of(time - DAY // 2) for time in times}
    return [
        Finding("missed-night", name, values={"night": date_of(night)})
        for night in range(min(issuer.closed_nights), day_of(head_time) - 1)
        if night not in issuer.closed_nights and night not in anchored and _is_accredited(issuer, night)
    ]


def _is_accredited(issuer: Issuer, night: int) -> bool:
    """Whether an issuer could anchor on a date from its first second to its last, in Western Indonesia Time."""
    begin, end = begin_of(night), begin_of(night + 1)
    return any(window.from_ <= begin and end <= window.until for window in issuer.windows)
