"""What a proven receipt can be written as, by name. An export proves nothing by itself, and no verdict rests on it."""

from collections.abc import Callable
from typing import NamedTuple

from verifier.chain.facts import Anchor
from verifier.formats import ots
from verifier.formats.receipt import Receipt

OPENTIMESTAMPS = "opentimestamps"


class Export(NamedTuple):
    """One form: the end of its files' names, its media type, and its bytes, from a receipt and the chain's anchor."""

    suffix: str
    media_type: str
    encode: Callable[[Receipt, Anchor], bytes]


EXPORTS = {
    OPENTIMESTAMPS: Export(ots.SUFFIX, ots.MEDIA_TYPE, lambda receipt, anchor: ots.encode(receipt, anchor.tree_size)),
}
