#!/usr/bin/env bash
# What answers and speaks no HTTP is no connection error for aiohttp's client: it raises ClientResponseError with status
# 400, as if the server had refused the request. Whoever takes 4xx for "do not try again" gives a node behind a broken
# gateway up for good.
# Seen: aiohttp 3.14.5: ClientResponseError, status 400, no ClientConnectionError.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5
seen=$("$folder/env/bin/python" - <<'PY'
import asyncio

import aiohttp


async def greet(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"+OK ready\r\n\r\n")
    await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with aiohttp.ClientSession() as session:
        try:
            await session.get(f"http://127.0.0.1:{port}/")
        except aiohttp.ClientError as error:
            kind = "a" if isinstance(error, aiohttp.ClientConnectionError) else "no"
            print(
                f"aiohttp {aiohttp.__version__}: {type(error).__name__}, status {getattr(error, 'status', None)}, "
                f"{kind} ClientConnectionError"
            )


asyncio.run(main())
PY
)
echo "$seen"
[ "$seen" = "aiohttp 3.14.5: ClientResponseError, status 400, no ClientConnectionError" ]
