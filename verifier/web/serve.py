"""`jangkar-verify-web`: run the public page."""

import argparse
import sys
from pathlib import Path

from verifier.errors import MalformedPolicy
from verifier.formats import policy
from verifier.formats.policy import is_http
from verifier.verdict.verdict import USAGE_ERROR
from verifier.web import doorkeeper
from verifier.web.app import MIB, PageSettings, create_app

# Each holds a few chunks of a body.
MAX_CONNECTIONS = 512


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted. Exit codes: 0 stopped, 2 cannot begin."""
    parser = argparse.ArgumentParser(
        prog="jangkar-verify-web",
        description="The public page: upload a PDF or follow its QR, and read one verdict. It trusts its policy and "
        "the chain, and asks services only for receipts.",
    )
    parser.add_argument("--policy", type=Path, default=Path("jangkar-policy.json"), help="what this page trusts")
    parser.add_argument("--service", action="append", required=True, metavar="URL", help="service to ask, repeated")
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one (default: 8080)")
    parser.add_argument("--max-upload", type=int, default=20, metavar="MB", help="largest upload (default: 20)")
    parser.add_argument(
        "--requests-per-minute",
        type=int,
        default=60,
        metavar="N",
        help="of one address; offices share one (default: 60)",
    )
    parser.add_argument(
        "--proxy",
        metavar="ADDRESS",
        help="the reverse proxy in front, whose X-Forwarded-For is believed (default: none)",
    )
    options = parser.parse_args(arguments)
    try:
        trusted = policy.load(options.policy)
    except (OSError, MalformedPolicy) as error:
        return _usage(f"{options.policy}: {error}")
    if not all(is_http(url) for url in options.service):
        return _usage("--service takes an http or https address")
    try:
        listener = doorkeeper.listen(options.host, options.port)
    except OSError as error:
        return _usage(f"{options.host}:{options.port}: {error.strerror}; choose another with --port")
    print(f"Listening on http://{options.host}:{listener.getsockname()[1]}", flush=True)
    settings = PageSettings(trusted, tuple(options.service), options.max_upload * MIB, options.requests_per_minute)
    doorkeeper.serve(doorkeeper.configuration(create_app(settings), MAX_CONNECTIONS, options.proxy), listener)
    return 0


def _usage(problem: str) -> int:
    print(f"jangkar-verify-web: {problem}", file=sys.stderr)
    return USAGE_ERROR
