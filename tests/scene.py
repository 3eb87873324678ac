"""One installation in which every verdict can be read, on a real chain, by the commands."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from installation import PDF, Installation

INSTITUTE = 'Balai "Uji" & Mitra <img src=x onerror=alert(1)>'
# What a hostile institute could put into every field that a page shows.
PAYLOADS = {
    "title": "<script>alert('title')</script> ${7*7} {{7*7}} javascript:alert(1)",
    "number": "'\"><svg onload=alert('number')>/2026",
    "grade": "</dd><iframe src=javascript:alert(1)></iframe>",
}
FILLERS = 300


@dataclass
class Scene:
    """`files` has a document and perhaps its receipt for each verdict that a file can have."""

    installation: Installation
    service: str
    page: str
    files: dict[str, tuple[Path, Path | None]]
    hostile: Path

    @property
    def code(self) -> str:
        """A code that is recorded."""
        return self.installation.codes["good"]


def as_account(installation: Installation, name: str) -> tuple[str, ...]:
    folder = installation.devnet.folder
    return ("--keystore", str(folder / "keystore" / f"{name}.json"), "--password-file", str(folder / "password"))


def make(installation: Installation) -> Scene:
    """Fill an installation with one certificate for each verdict, among others in the same batch."""
    folder = installation.folder / "certificates"
    fillers = {f"lain-{number}": {} for number in range(FILLERS)}
    _ingest(installation, folder, {
        "good": {}, "revoked": {}, "suspended": {}, "old": {}, "new": {}, "jumped": {},
        "expired": {"valid_until": "2026-11-21T00:00:00Z"}, "hostile": PAYLOADS,
    } | fillers)  # fmt: skip
    rival = installation.accredit_another("BALAI-LAIN", "Balai Lain")
    other = installation.accredit_another("BALAI-UJI", INSTITUTE)
    stolen = installation.folder / "stolen"
    _ingest(installation, stolen, {"stolen": {}}, issuer=other)
    installation.ingest_as(rival, "jumped")
    installation.jangkar("anchor", "run")
    for issuer, place in ((installation.issuer, folder), (other, stolen)):
        installation.jangkar("receipt", "write", str(place), "--issuer", issuer)
    leaf = installation.verify(str(folder / "new.pdf"), "--issuer", installation.issuer)[1]["claims"][0]["leaf_hash"]
    for name, *status in (
        ("revoked", "revoked", "--reason", "4"),
        ("suspended", "suspended", "--reason", "3"),
        ("old", "superseded", "--reason", "5", "--successor", leaf),
    ):
        installation.jangkar("status", "set", str(folder / f"{name}.pdf"), *status, "--issuer", installation.issuer)
    installation.jangkar("anchor", "run")
    of = ("--id", other)
    since = json.loads(installation.jangkar("registry", "anchor", *of, "--sequence", "1"))["time"]
    key = installation.devnet.account("institute").address
    accreditor = as_account(installation, "accreditor")
    installation.jangkar("registry", "key", "compromise", *of, "--key", key, "--since", str(since), *accreditor)
    waiting = installation.folder / "waiting"
    _ingest(installation, waiting, {"waiting": {}})
    made = installation.folder / "made"
    made.mkdir()
    (made / "modified.pdf").write_bytes((folder / "good.pdf").read_bytes() + b"9 0 obj\n(JP: 400)\nendobj\n%%EOF\n")
    (made / "stranger.pdf").write_bytes(PDF % b"stranger")

    service = installation.start("jangkar", "serve", "--port", "0")
    page = installation.start_page("--service", service, "--requests-per-minute", "100000")
    files: dict[str, tuple[Path, Path | None]] = {
        verdict: (folder / f"{name}.pdf", None)
        for verdict, name in (
            ("valid", "good"), ("revoked", "revoked"), ("suspended", "suspended"), ("superseded", "old"),
            ("expired", "expired"),
        )
    } | {
        "untrusted": (stolen / "stolen.pdf", None),
        "modified": (made / "modified.pdf", None),
        "invalid": (made / "stranger.pdf", folder / "good.pdf.jangkar.json"),
        "not_found": (made / "stranger.pdf", None),
        "pending": (waiting / "waiting.pdf", None),
        "undetermined": (folder / "jumped.pdf", None),
    }  # fmt: skip
    return Scene(installation, service, page, files, folder / "hostile.pdf")


def _ingest(
    installation: Installation, folder: Path, certificates: dict[str, dict[str, str]], issuer: str | None = None
) -> None:
    issuer = issuer or installation.issuer
    folder.mkdir()
    codes = installation.jangkar("code", "new", "-n", str(len(certificates)), "--issuer", issuer).split()
    columns = ("file", "number", "kind", "issued_on", "jp", "title", "grade", "code", "valid_until")
    with installation.table.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        for (name, facts), code in zip(certificates.items(), codes, strict=True):
            (folder / f"{name}.pdf").write_bytes(PDF % name.encode())
            row = {
                "file": f"{name}.pdf", "number": f"{name}/2026", "kind": "latsar", "issued_on": "2026-11-20",
                "jp": "40", "title": f"Pelatihan {name}", "grade": "Sangat Memuaskan", "code": code,
            }  # fmt: skip
            writer.writerow(row | facts)
            installation.codes[name] = code
    installation.jangkar("ingest", str(folder), "--csv", str(installation.table), "--issuer", issuer)
