"""Bills of materials (CycloneDX 1.6 JSON) of what people download, from what pins it: the same bytes on every machine.

A Python package is named by its pin and carries no hash here: a pin has one for each platform's file, and they stand in
`requirements/`. A package of npm is one archive, and its hash is that of `package-lock.json`.
"""

import base64
import hashlib
import json
import re
import uuid
from typing import Any

import _bootstrap

_REQUIREMENTS = _bootstrap.ROOT / "requirements"
_BROWSER = _bootstrap.ROOT / "verifier" / "web" / "browser"
_ALGORITHMS = {"sha512": "SHA-512"}
_MARKER = re.compile(r"^[^;\\]+;\s*([^\\\n]+)")


def of_python(name: str, data: bytes, version: str) -> bytes:
    """The wheel's: every package that `requirements/run.txt` pins, with the marker that says where it is needed."""
    components = []
    for (package, pinned), block in sorted(_bootstrap.pinned((_REQUIREMENTS / "run.txt").read_text()).items()):
        marker = _MARKER.match(block)
        where = {"properties": [{"name": "jangkar:marker", "value": marker[1].strip()}]} if marker else {}
        components.append(_component(package, pinned, f"pkg:pypi/{package}@{pinned}") | where)
    return _bill(name, data, version, components)


def of_nothing(name: str, data: bytes, version: str) -> bytes:
    """The archive's: it holds our own modules, and needs Python's library alone."""
    return _bill(name, data, version, [])


def of_browser(name: str, data: bytes, version: str) -> bytes:
    """The page's: what is bundled is required; what only builds or tests it is excluded."""
    lock = json.loads((_BROWSER / "package-lock.json").read_text())["packages"]
    components = []
    for kind, scope in (("dependencies", "required"), ("devDependencies", "excluded")):
        for package in sorted(lock[""].get(kind, {})):
            found = lock[f"node_modules/{package}"]
            algorithm, _, digest = found["integrity"].partition("-")
            components.append(
                _component(package, found["version"], f"pkg:npm/{package.replace('@', '%40')}@{found['version']}")
                | {
                    "scope": scope,
                    "hashes": [{"alg": _ALGORITHMS[algorithm], "content": base64.b64decode(digest).hex()}],
                    "licenses": [{"license": {"id": found["license"]}}],
                }
            )
    return _bill(name, data, version, components)


def _component(name: str, version: str, purl: str) -> dict[str, Any]:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _bill(name: str, data: bytes, version: str, components: list[dict[str, Any]]) -> bytes:
    digest = hashlib.sha256(data).hexdigest()
    subject = {
        "type": "application",
        "bom-ref": name,
        "name": name,
        "version": version,
        "hashes": [{"alg": "SHA-256", "content": digest}],
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # Another file gets another number, and the same one the same: no clock and no chance.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        "version": 1,
        "metadata": {"component": subject},
        "components": components,
    }
    return json.dumps(bill, indent=1, ensure_ascii=False).encode() + b"\n"
