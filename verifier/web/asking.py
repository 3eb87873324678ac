"""How the page asks services and nodes: all at once, for a bounded time, in threads that nothing else needs.

Whoever let a visitor wait and failed is left alone for a minute; then one visitor tries again, beside all others.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple, TypeVar

from verifier.chain.rpc import TIMEOUT_SECONDS, Node
from verifier.errors import NodeResting, NodeUnavailable, ServiceUnavailable
from verifier.formats.policy import Policy
from verifier.places.service import LookUpAnswer
from verifier.verdict.ask import Question, Result, ask

T = TypeVar("T")

REST_SECONDS = 60
# A refusal that comes at once costs nobody anything, and may be over at once.
SHORT_SECONDS = 1
# How many visitors wait for one service, and how many for the nodes.
THREADS_A_SERVICE = 8
THREADS_OF_NODES = 16
# Until a visitor is answered without what is still out.
SERVICE_SECONDS = TIMEOUT_SECONDS
JUDGE_SECONDS = 3 * TIMEOUT_SECONDS


class Resting:
    """Who failed a moment ago, by address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def may_ask(self, url: str) -> bool:
        """Whether it is asked. After its rest it is, by one visitor a minute until it has answered."""
        with self._lock:
            until = self._until.get(url)
            if until is None:
                return True
            if self._clock() < until:
                return False
            self._until[url] = self._clock() + REST_SECONDS
            return True

    def failed(self, url: str) -> None:
        """It let somebody wait, and failed."""
        with self._lock:
            self._until[url] = self._clock() + REST_SECONDS

    def answered(self, url: str) -> None:
        """It is well."""
        with self._lock:
            self._until.pop(url, None)


class RestedNode(Node):
    """A node as one visitor asks it: for ten seconds altogether, and not at all while it rests."""

    def __init__(self, url: str, resting: Resting, seconds: float = TIMEOUT_SECONDS) -> None:
        super().__init__(url, seconds)
        self._resting = resting
        # Neither after it has failed in this visitor's time.
        self._is_asked = resting.may_ask(url)

    def call(self, method: str, *params: Any) -> Any:
        """As a node's. Raises: NodeUnavailable; of it NodeResting."""
        if not self._is_asked:
            raise NodeResting(self.url)
        started = time.monotonic()
        failed = False
        try:
            return super().call(method, *params)
        except NodeUnavailable:
            failed = True
            raise
        finally:
            took = time.monotonic() - started
            self._timeout -= took
            # Who has answered until this visitor's time was over has not failed, and is there for the next one.
            self._is_asked = self._timeout > 0
            if failed and took >= SHORT_SECONDS:
                self._is_asked = False
                self._resting.failed(self.url)

    def end(self) -> None:
        """The visitor has asked all that there was to ask."""
        if self._is_asked:
            self._resting.answered(self.url)


class Found(NamedTuple):
    """What the services hold. `missing` says whether one failed just now, or was left alone."""

    answer: LookUpAnswer
    missing: Literal["", "down", "resting"]

    @property
    def all_answered(self) -> bool:
        """Whether nothing can be missing."""
        return not self.missing


class Asking:
    """Whom a page asks, and in which threads."""

    def __init__(self, policy: Policy, services: Sequence[str]) -> None:
        self._policy = policy
        self._resting = Resting()
        self._services = {url: ThreadPoolExecutor(THREADS_A_SERVICE, "service") for url in services}
        self._nodes = ThreadPoolExecutor(THREADS_OF_NODES, "nodes")

    async def services(self, look_up: Callable[[str], LookUpAnswer]) -> Found:
        """What all services hold; they are asked at the same time, and a slow one is waited for so long only."""
        said = await asyncio.gather(*(self._service(url, look_up) for url in self._services))
        found = [one for one in said if isinstance(one, LookUpAnswer)]
        receipts = tuple(dict.fromkeys(receipt for one in found for receipt in one.receipts))
        missing: Literal["", "down", "resting"] = ""
        if len(found) < max(1, len(said)):
            missing = "resting" if said and all(one != "down" for one in said) else "down"
        return Found(LookUpAnswer(receipts, sum(one.pending for one in found)), missing)

    async def judging(self, work: Callable[[], T]) -> T:
        """What comes of work that asks nodes. Raises: TimeoutError where it is not done in time."""
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._nodes, work), JUDGE_SECONDS)

    def ask(self, question: Question) -> Result:
        """The answer to a question, by the policy's nodes that do not rest."""
        nodes: list[RestedNode] = []

        def node_at(url: str) -> Node:
            nodes.append(RestedNode(url, self._resting))
            return nodes[-1]

        result = ask(question, self._policy, node_at=node_at)
        for node in nodes:
            node.end()
        return result

    async def _service(
        self, url: str, look_up: Callable[[str], LookUpAnswer]
    ) -> LookUpAnswer | Literal["down", "resting"]:
        asked = asyncio.get_running_loop().run_in_executor(self._services[url], self._look_up, url, look_up)
        try:
            return await asyncio.wait_for(asked, SERVICE_SECONDS)
        except TimeoutError:
            return "down"

    def _look_up(self, url: str, look_up: Callable[[str], LookUpAnswer]) -> LookUpAnswer | Literal["down", "resting"]:
        if not self._resting.may_ask(url):
            return "resting"
        started = time.monotonic()
        try:
            found = look_up(url)
        except ServiceUnavailable:
            if time.monotonic() - started >= SHORT_SECONDS:
                self._resting.failed(url)
            return "down"
        self._resting.answered(url)
        return found
