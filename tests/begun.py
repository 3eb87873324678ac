"""A devnet on which an institute is accredited: made once for a run of the tests, copied for each that needs one."""

import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from devnet import Devnet

from anchor_service.chain.versions import NEWEST
from anchor_service.core import profile

CODE, NAME = "BPSDM-UJI", "BPSDM Provinsi Uji"


@dataclass(frozen=True)
class Begun:
    """A devnet's folder, at rest; the registry on it, and the institute's id in hexadecimal digits."""

    folder: str
    registry: str
    issuer: str

    @classmethod
    def of(cls, root: Path) -> Self:
        """The one under a folder, made by whichever process comes first."""
        facts = root / "begun.json"
        with (root / "begun.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not facts.exists():
                facts.write_text(json.dumps(asdict(cls.make(root / "begun"))))
        return cls(**json.loads(facts.read_text()))

    @classmethod
    def make(cls, folder: Path, version: int = NEWEST) -> Self:
        """Begin one, with this version of the registry."""
        with Devnet(folder) as devnet:
            registry, issuer = devnet.deploy(version), os.urandom(32)
            key = devnet.account("institute").address
            devnet.accredit(registry, issuer, key, profile.from_fields(CODE, NAME))
        return cls(str(folder), registry, issuer.hex())

    def copy_to(self, folder: Path) -> None:
        """Its files, for a devnet of a test's own."""
        shutil.copytree(self.folder, folder)
