"""Access: who may write. A key belongs to one issuer; its secret is shown once and kept as a SHA-256."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from anchor_service.core import actor as actors
from anchor_service.core import certificate_code
from anchor_service.core.actor import Actor
from anchor_service.core.certificate_code import MAX_CODES
from anchor_service.core.errors import FieldRejected, NotAuthorised, UnknownIssuer
from anchor_service.core.scopes import SCOPES
from anchor_service.store import actors as actor_queries
from anchor_service.store import issuers as queries
from anchor_service.store.engine import Store
from anchor_service.store.tables import ApiKey, Issuer

_TOKEN = re.compile(r"jgk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


class Caller(NamedTuple):
    """Who calls the API, and the issuer that they may speak for."""

    actor: Actor
    issuer: Issuer


def new_api_key(
    store: Store, issuer: Issuer, scopes: Iterable[str], *, actor: Actor, expires_at: int | None, now: int
) -> str:
    """Make a key and return its token: 256 random bits that are shown this once.

    Raises: FieldRejected for an unknown scope, or for none.
    """
    wanted = sorted(set(scopes))
    if not wanted or any(scope not in SCOPES for scope in wanted):
        raise FieldRejected("scopes", f"must be some of {', '.join(SCOPES)}")
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    with store.writing() as connection:
        key = ApiKey(
            id=key_id,
            issuer_id=issuer.id,
            secret_digest=hashlib.sha256(secret.encode()).digest(),
            scopes=" ".join(wanted),
            created_at=now,
            expires_at=expires_at,
            actor_id=actor_queries.id_of(connection, actor),
        )
        queries.add_api_key(connection, key)
    return f"jgk_{key_id}_{secret}"


def authorise(store: Store, token: str | None, scope: str, *, now: int) -> Caller:
    """Who calls with a token, and for which issuer.

    Raises: NotAuthorised: one message for every way in which a key is not sound, so that nobody
    learns which keys exist; another one for a sound key without the scope.
    """
    match = _TOKEN.fullmatch(token or "")
    with store.reading() as connection:
        key = queries.find_api_key(connection, match[1]) if match else None
        given = hashlib.sha256(match[2].encode()).digest() if match else bytes(32)
        is_sound = hmac.compare_digest(given, key.secret_digest if key else bytes(32)) and key is not None
        if key is None or not is_sound or key.revoked_at is not None or (key.expires_at or now + 1) <= now:
            raise NotAuthorised("an API key that is known, not revoked and not expired is needed", key_is_sound=False)
        if scope not in key.scopes.split():
            raise NotAuthorised(f"this API key lacks the scope {scope}", key_is_sound=True)
        issuer = queries.find_issuer(connection, key.issuer_id)
    if issuer is None:
        raise UnknownIssuer(key.issuer_id.hex())
    return Caller(actors.of_key(key.id), issuer)


def adopt_codes(store: Store, issuer: Issuer, given: Sequence[str], *, actor: Actor, now: int) -> list[str]:
    """Take codes over that were printed and whose record was lost, all of them or none. Returns those that are new.

    Raises: CertificateCodeRejected for one that is not sound; FieldRejected for one that was given to another issuer.
    """
    codes = list(dict.fromkeys(map(certificate_code.parse, given)))
    with store.writing() as connection:
        owners = queries.owners_of(connection, codes)
        if others := [code for code in codes if owners.get(code, issuer.id) != issuer.id]:
            raise FieldRejected("code", f"{others[0]} was given out to another issuer, and {len(others) - 1} more")
        new = [code for code in codes if code not in owners]
        if new:
            queries.add_codes(connection, issuer.id, new, actor_queries.id_of(connection, actor), now)
    return new


def new_codes(store: Store, issuer: Issuer, count: int, *, actor: Actor, now: int) -> list[str]:
    """Give out certificate codes, to be printed before there is a file. Raises: FieldRejected."""
    if not 1 <= count <= MAX_CODES:
        raise FieldRejected("count", f"must be from 1 to {MAX_CODES}")
    codes = {certificate_code.from_random(secrets.randbits(certificate_code.RANDOM_BITS)) for _ in range(count)}
    while len(codes) < count:
        codes.add(certificate_code.from_random(secrets.randbits(certificate_code.RANDOM_BITS)))
    with store.writing() as connection:
        queries.add_codes(connection, issuer.id, codes, actor_queries.id_of(connection, actor), now)
    return sorted(codes)
