"""What is done to jobs in the console, and what is said before."""

from collections.abc import Callable
from dataclasses import dataclass

from embeddings.models import Job
from embeddings.services.job_retry import retry_job
from embeddings.services.jobs import cancel_job


@dataclass(frozen=True, slots=True)
class Step:
    """`take` does it, and may refuse by a Problem; `touches` says to what it does what."""

    name: str
    title: str
    verb: str
    done: str
    touches: str
    take: Callable[..., Job]
    is_dangerous: bool = False


CANCEL = Step(
    name="cancel",
    title="Cancel jobs",
    verb="Cancel",
    done="Cancelled",
    touches="Ends at once, and can't be taken up again. What is stored stays; what is still to be"
    " read is dropped.",
    take=cancel_job,
    is_dangerous=True,
)
RETRY = Step(
    name="retry",
    title="Retry jobs",
    verb="Retry",
    done="Queued",
    touches="Goes on where it stopped, with all its attempts, as far as its owner may now, who pays"
    " for what models read.",
    take=retry_job,
)
STEPS = (CANCEL, RETRY)
