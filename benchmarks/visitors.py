"""What a hundred visitors leave behind: `python benchmarks/visitors.py` (a quarter of an hour).

All screens are warmed up first, with an upload and a run: what is imported once is no leak. Then a
hundred visitors come, ten of them with a file of their own and a run, the first with 1.1 million
ratings; all leave, and nobody comes. Prints the memory and the file descriptors of the web process,
of the cluster's and of the worker: before, while they are there, and every minute after they have
left. The memory is what a process has to itself (USS): its share of what others have, too, depends
on how many of those there are.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import psutil
from screens import ROOT, serving

sys.path.insert(0, str(ROOT))
from tests.visitor import Visitor
from ui.lecture import TOPICS

MANY, OWN = 100, 10
MINUTES = 5
KEPT = 180.0  # seconds that a session outlives its page, as in .streamlit/config.toml
VIEWS = ("train", "films", "learned", "sweep", "data")


def ratings(n: int, seed: int) -> bytes:
    """A file of `n` ratings by `n` / 150 users of 9,000 items."""
    random = np.random.default_rng(seed)
    rows = np.column_stack(
        [
            random.integers(0, n // 150, n),
            random.integers(0, 9000, n),
            random.integers(1, 6, n),
        ]
    )
    return b"user,item,rating\n" + "\n".join(",".join(map(str, row)) for row in rows).encode()


async def train(visitor: Visitor, n: int, seed: int) -> None:
    """With a file of their own: to the end of a short run."""
    await visitor.send_file("mine.csv", ratings(n, seed))
    await visitor.choose("view", "Training")
    await visitor.press("start")
    await visitor.until(lambda: visitor.status.startswith("Finished"))


async def warm_up(address: str) -> None:
    """Every screen and every view of the recommender, and three runs."""
    links = [topic.name for topic in TOPICS] + [f"recommender?view={view}" for view in VIEWS]
    for link in ["", *links]:
        async with Visitor(address, link):
            pass
    for seed in range(3):
        async with Visitor(address, "recommender?view=data&epochs=2") as visitor:
            await train(visitor, 100_000, seed)


async def crowd(address: str, show: Processes) -> None:
    """A hundred visitors, all there at once; then they leave."""
    async with AsyncExitStack() as stack:
        for n in range(MANY - OWN):
            await stack.enter_async_context(Visitor(address, TOPICS[n % len(TOPICS)].name))
        for n in range(OWN):
            visitor = Visitor(address, "recommender?view=data&epochs=2")
            await stack.enter_async_context(visitor)
            await train(visitor, 100_000 if n else 1_100_000, n)
        show("with a hundred visitors")


class Processes:
    """The web process, the cluster's and its worker."""

    def __init__(self) -> None:
        (web,) = psutil.Process().children()
        (cluster,) = web.children()
        worker = max(cluster.children(), key=lambda child: child.memory_info().rss)
        self._named = {"web": web, "cluster": cluster, "worker": worker}

    def __call__(self, when: str) -> None:
        """Print what they take now."""
        print(f"{when}:", ", ".join(self._told()), flush=True)

    def _told(self) -> Iterator[str]:
        for name, process in self._named.items():
            used = process.memory_full_info().uss / 2**20
            yield f"{name} {used:.0f} MB, {process.num_fds()} descriptors"


def main() -> None:
    with serving(Path(ROOT) / "app.py") as address:
        asyncio.run(warm_up(address))
        time.sleep(KEPT + 60)
        show = Processes()
        show("before")
        asyncio.run(crowd(address, show))
        for minute in range(1, MINUTES + 1):
            time.sleep(60)
            show(f"{minute} minutes after they have left")


if __name__ == "__main__":
    main()
