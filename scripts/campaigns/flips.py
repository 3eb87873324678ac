"""Flip one bit in a stored leaf or the manifest of a sealed batch, many times: nothing is signed, and fsck says where.

    python3 scripts/campaigns/flips.py --tries 1000 --seed 1

In each try a batch stands sealed, one bit of it changes, a night is run, and the bit is put back. Ends with
`tries N, refused N, named N`, or exits 1.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import _bootstrap

_bootstrap.enter("dev")

sys.path[:0] = [str(_bootstrap.ROOT), str(_bootstrap.ROOT / "tests")]

import argparse  # noqa: E402  (the environment comes first)
import random  # noqa: E402
import tempfile  # noqa: E402

from damage import flip  # noqa: E402
from world import TESTER, World  # noqa: E402

from anchor_service.core.states import OnChainState  # noqa: E402
from anchor_service.pipeline import deciding, fsck  # noqa: E402
from anchor_service.store.engine import Store  # noqa: E402

CERTIFICATES = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    refused = named = 0
    with tempfile.TemporaryDirectory(prefix="jangkar-flips-") as folder:
        world = World(Store(f"sqlite:///{folder}/store.sqlite3"), Path(folder))
        world.submit(*(f"c{number}" for number in range(CERTIFICATES)))
        # Sealed and filed, but not signed: its issuer has another name on chain at that moment.
        window = world.renamed_on_chain()
        batch = world.night().quarantined[0]
        world.chain.windows[world.issuer.id] = window
        deciding.requeue(world.store, world.registry, world.filing, batch, actor=TESTER, now=world.now)
        for number in range(options.tries):
            mend, place = flip(world, batch, draw, in_row=number % 2 == 0)
            found = [str(one) for one in fsck.check(world.store, world.filing, world.registry)]
            named += any(one.startswith(place) for one in found)
            report = world.night()
            refused += bool(report.stopped) and not world.chain.known and not report.anchored
            mend()
        whole = not list(fsck.check(world.store, world.filing, world.registry))
        anchored = [one.state for one in world.night().anchored] == [OnChainState.ANCHORED]
    print(f"mended: fsck finds {'nothing' if whole else 'SOMETHING'}, the night anchors it: {anchored}")
    print(f"tries {options.tries}, refused {refused}, named {named}")
    return 0 if (refused, named, whole, anchored) == (options.tries, options.tries, True, True) else 1


if __name__ == "__main__":
    raise SystemExit(main())
