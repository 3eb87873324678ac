"""Handing certificates in without files: digests and facts, as an LMS does over the API."""

import hashlib
import random
import time

from _stage import Stage

from anchor_service.core import actor
from anchor_service.core.metadata import NONCE_BYTES
from anchor_service.pipeline import intake
from anchor_service.pipeline.intake import Submission
from anchor_service.store import issuers as queries


def hand_in(stage: Stage, issuer_id: bytes, name: str, count: int) -> None:
    """Hand in `count` certificates of an institute; the same name gives the same ones."""
    draw = random.Random(name)
    submissions = [
        Submission(
            hashlib.sha256(f"{name} {number}".encode()).digest(),
            {"kind": "latsar", "number": f"{name}/{number}", "issued_on": "2026-11-20", "jp": 40},
        )
        for number in range(count)
    ]
    with stage.store() as store:
        with store.reading() as connection:
            issuer = queries.find_issuer(connection, issuer_id)
        if issuer is None:
            raise ValueError("the institute is not there")
        check = intake.checker(store, issuer, iter(lambda: draw.randbytes(NONCE_BYTES).hex(), ""), "2026-11-20")
        checked = [check(one) for one in submissions]
        outcomes = intake.submit(store, issuer, checked, actor=actor.of_user("campaign"), now=int(time.time()))
    if not all(outcome.is_new for outcome in outcomes):
        raise ValueError(f"not all of {name} were taken in")
