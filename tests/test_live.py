"""Live training from the web process' side, without a cluster."""

from __future__ import annotations

import pytest

from ui import live


class FakeCompute:
    """A cluster in a given state that counts how often it is started again."""

    def __init__(self, state: str) -> None:
        self.state, self.restarts, self.n_workers = state, 0, 1

    def restart(self) -> None:
        self.restarts += 1
        self.state = "starting"


@pytest.mark.parametrize(("state", "restarts"), [("failed", 1), ("ready", 0), ("starting", 0)])
def test_a_new_run_starts_a_dead_cluster_again(
    monkeypatch: pytest.MonkeyPatch, state: str, restarts: int
) -> None:
    compute = FakeCompute(state)
    monkeypatch.setattr(live, "compute", lambda: compute)
    run = live.LiveRun(())
    live.LiveRun(())
    assert compute.restarts == restarts
    run.close()


def test_more_runs_look_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "compute", lambda: FakeCompute("ready"))
    monkeypatch.setattr(live, "_runs", set())
    paces = []
    runs = []
    for _ in range(25):
        runs.append(live.LiveRun(()))
        paces.append(live.cadence())
    assert paces == sorted(paces)
    assert (paces[0], paces[9], paces[24]) == (0.25, 1.0, 2.0)
    runs[0].playing = False
    assert live.active() == 24
