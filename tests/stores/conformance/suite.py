"""All promises together, for every store and for stores that last.

This module knows which promises there are. What each says is in a module of its own.
"""

from __future__ import annotations

from tests.stores.conformance.answers import Answers
from tests.stores.conformance.appending import Appending
from tests.stores.conformance.blobs import Blobs
from tests.stores.conformance.claims import Claims, SharedClaims
from tests.stores.conformance.closing import Closed, Closing
from tests.stores.conformance.damage import Damage
from tests.stores.conformance.documents import Documents
from tests.stores.conformance.finding import Finding
from tests.stores.conformance.forgetting import Forgetting
from tests.stores.conformance.forks import Forks
from tests.stores.conformance.lists import Lists
from tests.stores.conformance.logs import Logs
from tests.stores.conformance.order import Order
from tests.stores.conformance.processes import Processes
from tests.stores.conformance.records import Records
from tests.stores.conformance.resting import Resting
from tests.stores.conformance.values import Values


class StoreConformance(
    Logs,
    Appending,
    Order,
    Values,
    Blobs,
    Records,
    Lists,
    Finding,
    Resting,
    Claims,
    Forgetting,
    Forks,
    Documents,
    Answers,
    Closing,
):
    """The promises of `engine.store.Store`."""


class PersistentStoreConformance(StoreConformance, Closed, Damage, Processes, SharedClaims):
    """What stores promise that outlive their process, and are shared by several."""
