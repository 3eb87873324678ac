"""What a campaign counts, and what it says while it goes on."""

import subprocess
from collections import Counter
from dataclasses import dataclass, field

import _bootstrap


@dataclass
class Tally:
    """What came of the runs."""

    runs: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    notes: list[str] = field(default_factory=list)

    def blame(self, problem: str) -> None:
        """Count a problem by its kind."""
        self.notes.append(problem)
        if "lost" in problem:
            self.lost += 1
        elif "doubled" in problem:
            self.doubled += 1
        else:
            self.wrong += 1
        print(f"WRONG  {problem}", flush=True)

    @property
    def last_line(self) -> str:
        """The result."""
        total = sum(self.runs.values())
        return f"runs {total}, lost {self.lost}, doubled {self.doubled}, wrong receipts {self.wrong}"

    def count(self, kind: str, runs: int, *, was_broken: bool) -> None:
        """Count a run, and say how far it is."""
        self.runs[kind] += 1
        self.broken[kind] += was_broken
        done = self.runs[kind]
        if done % 50 == 0 or done == runs:
            print(f"{kind}: {done} of {runs}", flush=True)


def revision() -> str:
    """The commit that is checked out: asked for when a campaign begins, since its code is loaded then."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.check_output(command, cwd=_bootstrap.ROOT, text=True).strip()
