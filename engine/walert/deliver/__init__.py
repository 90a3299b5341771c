"""Messages to the world: receivers, their wording, the worker of each, and the policy of tries.

`Delivery` runs one `Worker` a receiver over an `Outbox`; `build_receiver` and `validate` turn URLs into receivers.
Apprise is loaded at the first message that needs it.
"""

from walert.deliver.delivery import Delivery
from walert.deliver.outbox import Clock, Outbox
from walert.deliver.policy import Dead, Retry, Verdict, next_try
from walert.deliver.receiver import Receiver, build_receiver, validate
from walert.deliver.worker import Limits, Worker

__all__ = [
    "Clock",
    "Dead",
    "Delivery",
    "Limits",
    "Outbox",
    "Receiver",
    "Retry",
    "Verdict",
    "Worker",
    "build_receiver",
    "next_try",
    "validate",
]
