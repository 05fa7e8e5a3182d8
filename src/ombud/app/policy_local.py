"""Policy here: the questions about the policy, answered by a home that this process opened."""

from __future__ import annotations

from ombud.app.policy_door import Json, Progress
from ombud.services.asker import Asker
from ombud.services.home import HomeServices
from ombud.services.policy_wanted import AttemptWanted, PolicyWanted, SimulationWanted


class LocalPolicies:
    """The same of a home that this process holds open."""

    def __init__(self, services: HomeServices, asker: Asker) -> None:
        self._services = services
        self._policies = services.policies
        self._asker = asker

    def diff(self, wanted: PolicyWanted) -> Json:
        """Return what a policy would change."""
        return self._policies.diff(wanted, asker=self._asker)

    def apply(self, wanted: PolicyWanted) -> Json:
        """Apply or propose a policy."""
        return self._policies.apply(wanted, asker=self._asker)

    def confirm(self, policy: str, *, why: str | None) -> Json:
        """Say yes to a proposal."""
        return self._policies.confirm(policy, asker=self._asker, why=why)

    def refuse(self, policy: str, *, why: str | None) -> Json:
        """Say no to a proposal."""
        return self._policies.refuse(policy, asker=self._asker, why=why)

    def show(self, policy: str | None) -> Json:
        """Return a version."""
        return self._policies.show(policy, asker=self._asker)

    def history(self, *, limit: int) -> Json:
        """Return versions."""
        return self._policies.history(limit=limit, asker=self._asker)

    def proposals(self, *, limit: int, ended: bool) -> Json:
        """Return proposals."""
        return self._policies.proposals(limit=limit, ended=ended, asker=self._asker)

    def status(self) -> Json:
        """Return how the policy stands."""
        return self._policies.status(asker=self._asker)

    def explain(self, wanted: AttemptWanted) -> Json:
        """Return how an attempt would be decided."""
        return self._services.explaining.explain(wanted, asker=self._asker)

    def simulate(self, wanted: SimulationWanted, *, on_progress: Progress | None) -> Json:
        """Replay a policy."""
        return self._services.simulating.simulate(
            wanted, asker=self._asker, on_progress=on_progress
        )
