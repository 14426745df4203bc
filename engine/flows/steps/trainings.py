"""What each training of a run takes on the engine's host: time by what was measured there, and memory."""

from __future__ import annotations

import socket
import statistics
from collections.abc import Mapping, Sequence

from engine.approaches import Task
from engine.evals.rows import words_p50
from engine.models.base import Value
from engine.models.investigation import Effort, Recipe
from engine.models.labels import Part
from engine.rules import halving
from engine.services import Services
from engine.store import investigations, labels, work
from engine.store.database import Tx
from engine.train import Host, Quote
from engine.train.ladder import SPREADING, host_here, ladder
from engine.train.recipes import SEEDS
from engine.train.work import racing

UNMEASURED = "unknown until the first run on this host"
NORMAL_SECONDS = 20 * 60.0  # of one rung when normal; where a race would take longer there is none (docs/engine.md)
_NEWEST = 200  # trainings looked back at for how fast the host is
_COUNTED = 5  # of each rung
_SAMPLE = 500  # train rows whose words are counted


class RungQuote(Value):
    """What the trainings of one rung take together; ``seconds`` is none where nothing was measured on this host yet.

    ``memory_mb`` is the peak of one training. ``why`` is the sentence why the rung is not begun, "" where it is.
    """

    rung: str
    trainings: int = 0
    seconds: float | None = None
    memory_mb: int = 0
    why: str = ""


class Trainings(Value):
    """The rungs, cheap to dear. ``elsewhere`` names the engine's host where it is another: its memory is not known.

    ``seeds`` is what further seeds of whichever candidate is chosen take at most; none where there are none.
    """

    rungs: tuple[RungQuote, ...] = ()
    seeds: RungQuote | None = None
    elsewhere: str = ""

    @property
    def seconds(self) -> float | None:
        """All of it, one training after the other; none where one of them is not known."""
        known = [rung.seconds for rung in (*self.rungs, *([self.seeds] if self.seeds else [])) if not rung.why]
        return sum(one for one in known if one is not None) if None not in known else None

    @property
    def memory_mb(self) -> int:
        """The largest peak of one training."""
        return max((rung.memory_mb for rung in self.rungs if not rung.why), default=0)


def ahead(
    tx: Tx,
    services: Services,
    task: Task,
    *,
    label_set_id: int,
    effort: Effort,
    same: Recipe | None = None,
) -> Trainings:
    """What a run that starts now would train, ``same`` for that recipe alone. Another host is not looked into."""
    beat = work.heartbeat(tx, "engine")
    if beat is not None and beat.host != socket.gethostname():
        return Trainings(elsewhere=beat.host)
    host, rows = host_here(services.settings), labels.parts(tx, label_set_id)[Part.TRAIN]
    words = words_p50(row.input for row in labels.first(tx, label_set_id, Part.TRAIN, _SAMPLE))
    quotes = {rung.name: rung.quote(host, task, rows, words) for rung in ladder()}
    told, known, workers = list[RungQuote](), paces(tx, services), services.settings.ray_workers
    for rung in ladder():
        recipes = rung.recipes(effort, 0, task) if same is None else [same] if same.rung == rung.name else []
        why = (rung.fits(host, task) or too_large(quotes[rung.name], host)) if recipes else ""
        if why:
            told.append(RungQuote(rung=rung.name, why=why))
        elif recipes:
            quote = quotes[rung.name]
            whole = sum(
                seconds_of(fitting(one, quote, effort=effort, rows=rows, workers=workers), quote) for one in recipes
            )
            told.append(_told(rung.name, len(recipes), quote, whole=whole, pace=known.get(rung.name)))
    begun = [one.rung for one in told if not one.why]
    return Trainings(rungs=tuple(told), seeds=seeds_of(begun, quotes, known, effort=effort))


def fitting(recipe: Recipe, quote: Quote, *, effort: Effort, rows: int, workers: int) -> Recipe:
    """The recipe with the rivals that will race: as many as the rows can tell apart, and the effort has time for.

    None where ``workers`` on several hosts share the training.
    """
    count = 1 if workers > 1 and recipe.rung in SPREADING else racing(recipe, rows)
    if effort is Effort.NORMAL and quote.seconds * halving.work(count) > NORMAL_SECONDS:
        count = 1
    return recipe.model_copy(update={"rivals": recipe.rivals[: count - 1]})


def seconds_of(recipe: Recipe, quote: Quote) -> float:
    """What its training takes with all its rivals, by the quote for one."""
    return quote.seconds * halving.work(1 + len(recipe.rivals))


def whole_of(recipes: Sequence[Recipe], quotes: Mapping[str, Quote], effort: Effort) -> float:
    """What all trainings of a run take as quoted: the further seeds are counted as those of the dearest rung."""
    dearest = max((quotes[recipe.rung].seconds for recipe in recipes), default=0.0)
    return sum(seconds_of(recipe, quotes[recipe.rung]) for recipe in recipes) + (SEEDS[effort] - 1) * dearest


def seeds_of(
    rungs: Sequence[str], quotes: Mapping[str, Quote], known: Mapping[str, float], *, effort: Effort
) -> RungQuote | None:
    """What further seeds of the candidate take at most, whichever of the rungs it is of; none where there are none."""
    more = SEEDS[effort] - 1
    if not more or not rungs:
        return None
    each = [quotes[rung].seconds * known[rung] for rung in rungs if rung in known]
    return RungQuote(
        rung="",
        trainings=more,
        seconds=more * max(each) if len(each) == len(rungs) else None,
        memory_mb=max(quotes[rung].memory_mb for rung in rungs),
    )


def note_of_seeds(more: RungQuote) -> str:
    """What they take, for their line of a run's progress."""
    told = f"time {UNMEASURED}" if more.seconds is None else f"at most about {more.seconds:,.0f} s"
    return f"{more.trainings} more trainings of the candidate that is chosen; {told}"


def paces(tx: Tx, services: Services) -> dict[str, float]:
    """By rung, how long trainings really took on this host for each second they were quoted; none for the untried."""
    seen: dict[str, list[float]] = {}
    for one in investigations.trained(tx, _NEWEST):
        quoted = float(one.facts.get("quoted_s", 0.0))
        is_here = services.settings.runner == "ray" or one.facts.get("host") == socket.gethostname()
        if quoted > 0 and is_here:
            seen.setdefault(one.rung, []).append(one.seconds / quoted)
    return {rung: statistics.median(found[:_COUNTED]) for rung, found in seen.items()}


def note_of(recipe: Recipe, quote: Quote, pace: float | None) -> str:
    """What one training takes, for its line of a run's progress."""
    told = f"about {seconds_of(recipe, quote) * pace:,.0f} s" if pace else f"time {UNMEASURED}"
    race = f"; {1 + len(recipe.rivals)} recipes begin, one goes to the end" if recipe.rivals else ""
    return f"{told}, about {quote.memory_mb:,} MB of memory{race}"


def too_large(quote: Quote, host: Host) -> str:
    """Why a rung is not begun here; on a GPU its own memory is not known before the job asks it."""
    if host.device != "cpu" or quote.memory_mb <= host.memory_mb:
        return ""
    return (
        f"it takes about {quote.memory_mb:,} MB of memory and this host has {host.memory_mb:,}; take smaller weights "
        "(ASSAY_ENCODER, ASSAY_DECODER) or a host with more"
    )


def _told(rung: str, count: int, quote: Quote, *, whole: float, pace: float | None) -> RungQuote:
    seconds = whole * pace if pace else None
    return RungQuote(rung=rung, trainings=count, seconds=seconds, memory_mb=quote.memory_mb)
