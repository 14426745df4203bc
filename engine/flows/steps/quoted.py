"""What paid calls will cost: told from characters before anybody was asked, and from replies once there are some.

The hard cap is the ledger's; a quote only says how far it goes. Asks nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import NotReady
from engine.evals.rows import DatasetRow
from engine.models.base import Value
from engine.models.feature import Baseline, Feature
from engine.models.labelling import Labelling
from engine.models.money import to_usd
from engine.rules.cost import TokenPrices
from engine.runners import JobSpec
from engine.services import Services
from engine.store import labellings, replies
from engine.store.database import Tx
from engine.teachers import prices
from engine.teachers.batches import is_worth_it
from engine.teachers.forecast import PROBES, Forecast, Probed, forecast, probed
from engine.teachers.keys import is_loopback
from engine.teachers.ledger import FREE
from engine.teachers.votes import questions_of

Rows = Sequence[DatasetRow]


class Quoted(Value):
    """What a pass costs in all, in US dollars, by its first ``probes`` replies; paid replies are in it.

    ``fed`` and ``said`` are what those replies told (``engine.teachers.forecast.Probed``).
    """

    usd: float
    probes: int
    fed: float
    said: int

    @property
    def told(self) -> Probed:
        """What its replies said, for another pass of the same prompt and model."""
        return Probed(fed=self.fed, said=self.said, replies=self.probes)


def of_questions(
    tx: Tx, feature: Feature, spec: JobSpec, *, rows: Rows, shown: Rows, price: TokenPrices, by: Probed | None = None
) -> Forecast:
    """What the questions of a job that have no paid reply yet will cost; ``by`` where it has too few replies itself."""
    questions = questions_of(spec, rows, shown)
    known = replies.find(tx, list({question.key for question in questions}))
    outputs = feature.labels or [row.output for row in shown]
    return forecast(questions, known, outputs=outputs, price=price, by=by)


def is_probed(tx: Tx, run_id: str) -> bool:
    """Whether a run has paid for enough replies to measure its quote by."""
    return replies.bill(tx, run_id).paid_calls >= PROBES


def corrected(tx: Tx, services: Services, spec: JobSpec, *, rows: Rows, shown: Rows) -> Quoted | None:
    """The quote of a job under way, measured by its own replies; none before there are enough of them."""
    price = prices.price_of(tx, spec.config["model"], services.clock.now().date()) or FREE
    questions = questions_of(spec, rows, shown)
    known = replies.find(tx, list({question.key for question in questions}))
    told = probed(questions, known)
    if told is None:
        return None
    left = forecast(questions, known, outputs=(), price=price)
    paid = to_usd(replies.bill(tx, spec.config["run_id"]).nano_usd)
    return Quoted(usd=paid + left.usd, probes=told.replies, fed=told.fed, said=told.said)


def by_batch(tx: Tx, services: Services, model: str, found: Forecast) -> float | None:
    """What the endpoint's Batch API would take for it in US dollars; none where it is not worth it, or nobody knows."""
    price = prices.price_of(tx, model, services.clock.now().date(), is_batch=True)
    if price is None or not is_worth_it(found.calls):
        return None
    return to_usd(prices.cost_nano(price, found.tokens_in, 0, found.tokens_out))


def of_earlier(tx: Tx, asked: Labelling) -> Probed | None:
    """What the replies of the newest labelling with the same prompt and teacher told; none where there were none."""
    newest = labellings.newest_quoted(tx, asked.feature_id, asked.model, asked.baseline_id)
    return Quoted.model_validate(newest.quoted).told if newest else None


def price_of_teacher(
    tx: Tx, services: Services, feature: Feature, *, asked: Labelling, baseline: Baseline
) -> TokenPrices:
    """What a teacher's tokens cost. Raises ``NotReady`` where nobody knows: no cap could be kept."""
    day = services.clock.now().date()
    price = prices.price_of(tx, asked.model, day)
    if price is not None:
        return price
    if is_loopback(baseline.base_url):
        return FREE
    raise NotReady(
        f"Nobody knows what {asked.model} costs, so a cap could not be kept; nothing was asked.",
        hint=f"Say what it costs: /assay settings prices model={asked.model} input=2.50 output=10 "
        f"from={day}, or name another: /assay labels {feature.slug} sample={asked.sample} teacher=…",
    )
