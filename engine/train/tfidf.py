"""Counts of words and pairs of words under a linear SVM: seconds to train, and hard to beat with many rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from engine.approaches import Task
from engine.models.investigation import Effort, Recipe
from engine.train import Answerer, Host, Progress, Quote, Trained, TrainingRow

_CS = {Effort.QUICK: (1.0,), Effort.NORMAL: (0.3, 1.0, 3.0), Effort.THOROUGH: (0.1, 0.3, 1.0, 3.0, 10.0)}


class Tfidf:
    """TF-IDF of word 1-2 grams, sublinear, and a linear SVM; the recipe's setting is C."""

    number = 1
    name = "tfidf"

    def fits(self, host: Host, task: Task) -> str:  # noqa: ARG002 (any host will do)
        """Where scikit-learn is, for classes."""
        if find_spec("sklearn") is None:
            return 'scikit-learn is not installed; install the extra: pip install "assay[engine]"'
        return "" if task.approach == "classify" else f"counts of words cannot answer {task.approach}"

    def quote(self, host: Host, task: Task, rows: int, words_p50: int) -> Quote:  # noqa: ARG002 (one thread)
        """Measured: 4,000 rows of 20 words in under 1 s, and 3 s to load."""
        return Quote(seconds=3.0 + rows * words_p50 * 1e-5, memory_mb=300 + rows * words_p50 // 4000)

    def recipes(self, effort: Effort, seed: int, task: Task) -> list[Recipe]:  # noqa: ARG002 (the same for every task)
        """One for each C."""
        return [Recipe(rung=self.name, name=f"tfidf-c{c:g}", seed=seed, settings={"c": c}) for c in _CS[effort]]

    def train(
        self,
        recipe: Recipe,
        task: Task,
        *,
        train: Sequence[TrainingRow],
        dev: Sequence[TrainingRow],  # noqa: ARG002 (nothing is chosen here)
        folder: Path,
        scratch: Path,  # noqa: ARG002 (too quick to be resumed)
        host: Host,  # noqa: ARG002 (one thread)
        progress: Progress,
    ) -> Trained:
        """Count, weigh, fit."""
        from engine.train import _linear, _words

        began = time.perf_counter()
        progress(0, 2, None)
        vectorizer, features = _words.fit([row.input for row in train])
        progress(1, 2, None)
        head = _linear.svm_head(
            features,
            _linear.targets(train, task),
            classes=len(task.classes),
            c=float(recipe.settings["c"]),
            seed=recipe.seed,
        )
        _words.save(folder, vectorizer, head, task)
        progress(2, 2, None)
        return Trained(seconds=time.perf_counter() - began, facts={"terms": int(features.shape[1])})

    def load(self, folder: Path, host: Host) -> Answerer:  # noqa: ARG002 (one thread)
        """The candidate as an answerer."""
        from engine.train import _words

        return _words.WordAnswerer(folder)
