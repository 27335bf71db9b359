from dataclasses import dataclass

from django.dispatch import Signal


@dataclass(frozen=True, slots=True)
class EndedDeployment:
    """What became of a deployment; one that was completed may become rolled back later."""

    id: int
    device_id: int
    rollout_id: int | None
    status: str
    error_message: str


# ended: [EndedDeployment], at. Inside the transaction.
deployments_ended = Signal()
