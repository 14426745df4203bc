"""Ask the endpoints a feature depends on which models they list, and say what follows: new ones, and last days."""

from __future__ import annotations

import re
from datetime import date, timedelta

from engine.errors import KeyRejected
from engine.models.base import Value
from engine.models.feature import Baseline
from engine.rules.watch import shutdowns
from engine.services import Services
from engine.store import features, listings, policies
from engine.store.database import Tx
from engine.store.policies import Policy
from engine.teachers import catalog
from engine.teachers.keys import key_for

RECENT = timedelta(days=62)  # a model that came in the last two months is new
TRIED_MOST = 3  # of them are tried in a month, the newest first
_NO_CHAT = re.compile(
    r"embed|whisper|tts|dall-e|image|audio|moderation|realtime|transcribe|rerank|search", re.IGNORECASE
)


class Asked(Value):
    """How many models a feature's endpoints list; those that did not answer say nothing."""

    feature_id: int
    models: int


def ask(services: Services, feature_id: int) -> Asked:
    """Ask each endpoint of a feature, where we hold a key for it or it is on this host, and keep its list."""
    with services.database.read() as tx:
        endpoints = _endpoints(tx, feature_id)
    found = {url: answer for url in endpoints if (answer := _listed(services, url)) is not None}
    with services.database.write() as tx:
        for base_url, models in found.items():
            listings.see(tx, base_url, models, services.clock.now())
    return Asked(feature_id=feature_id, models=sum(len(models) for models in found.values()))


def dates(tx: Tx, feature_id: int, policy: Policy) -> dict[str, date]:
    """The last day of each model that has one: as the team says, else as the feature's endpoints announce it."""
    return {**listings.shutdowns(tx, _endpoints(tx, feature_id)), **shutdowns(policy.rebaseline.shutdowns)}


def arrivals(tx: Tx, services: Services, baseline: Baseline) -> list[str]:
    """Chat models that the baseline's endpoint did not list before, the newest first."""
    came = listings.arrived(tx, baseline.base_url, services.clock.now() - RECENT)
    return [name for name in came if not _NO_CHAT.search(name)]


def _endpoints(tx: Tx, feature_id: int) -> list[str]:
    tuned = policies.traffic(tx, feature_id).tuned_url
    return [url for url in dict.fromkeys((features.baseline(tx, feature_id).base_url, tuned)) if url]


def _listed(services: Services, base_url: str) -> dict[str, date | None] | None:
    try:
        found = catalog.listed(base_url, key_for(services.settings, base_url))
    except KeyRejected:
        return None
    return None if found is None else {name[:200]: day for name, day in found.items()}
