"""Linear heads on features: fitted by scikit-learn, kept as safetensors, answered by numpy. Loaded by jobs alone."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from engine.approaches import Task
from engine.errors import WorkFailed
from engine.train import Answer, TrainingRow, _tensors

Floats = NDArray[np.float32]
CS = (1.0, 3.0, 10.0, 30.0, 100.0)  # what C is picked from, for features of length 1
FOLDS = 3
HEAD = "head.safetensors"


@dataclass(frozen=True)
class Head:
    """``weight`` is (classes, features), ``bias`` (classes,), both float32, in the order of the task's classes."""

    weight: Floats
    bias: Floats

    def logits(self, features: Any) -> Floats:  # noqa: ANN401 (an array or a sparse matrix)
        """(rows, classes)."""
        return np.asarray(features @ self.weight.T, dtype=np.float32) + self.bias

    def save(self, folder: Path) -> None:
        """Into ``head.safetensors``."""
        _tensors.save(folder / HEAD, {"weight": self.weight, "bias": self.bias})

    @staticmethod
    def load(folder: Path) -> Head:
        """What ``save`` wrote."""
        tensors = _tensors.load(folder / HEAD)
        return Head(tensors["weight"], tensors["bias"])


def targets(rows: Sequence[TrainingRow], task: Task) -> NDArray[np.int64]:
    """Each row's class number. Raises ``WorkFailed`` for a row that carries none of the task's labels."""
    number = {name: place for place, name in enumerate(task.classes)}
    unknown = next((row.id for row in rows if row.output not in number), None)
    if unknown is not None:
        raise WorkFailed(f"row {unknown} carries a label that is not in the feature's list")
    return np.array([number[row.output] for row in rows], dtype=np.int64)


def svm_head(features: Any, wanted: NDArray[np.int64], *, classes: int, c: float, seed: int) -> Head:  # noqa: ANN401 sparse or dense
    """A linear SVM, one against the rest. ``features`` (rows, features) may be sparse."""
    model: Any = LinearSVC(C=c, random_state=seed, max_iter=5000)
    return _head(_fitted(model, features, wanted), classes)


def logistic_head(features: Floats, wanted: NDArray[np.int64], *, classes: int, seed: int) -> tuple[Head, float]:
    """Multinomial logistic regression and the C it was given: the best of ``CS`` by cross-validation in these rows."""
    c = _best_c(features, wanted, seed)
    return _head(_fitted(_logistic(c), features, wanted), classes), c


def answers(logits: Floats, task: Task) -> list[Answer]:
    """The likeliest label of each row with its softmax share (not calibrated)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = shifted / shifted.sum(axis=1, keepdims=True)
    best = shares.argmax(axis=1)
    return [
        Answer(text=task.classes[int(place)], confidence=float(share[place]))
        for place, share in zip(best, shares, strict=True)
    ]


def _logistic(c: float) -> Any:  # noqa: ANN401 (scikit-learn is untyped)
    return LogisticRegression(C=c, max_iter=1000)


def _best_c(features: Floats, wanted: NDArray[np.int64], seed: int) -> float:
    if np.unique(wanted, return_counts=True)[1].min() < FOLDS:
        return 10.0  # a class too rare to be in every fold
    folds: Any = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    scores = np.zeros(len(CS))
    for learn, check in folds.split(features, wanted):
        for place, c in enumerate(CS):
            scores[place] += _fitted(_logistic(c), features[learn], wanted[learn]).score(features[check], wanted[check])
    return CS[int(scores.argmax())]  # the smallest of the best


def _fitted(model: Any, features: Any, wanted: NDArray[np.int64]) -> Any:  # noqa: ANN401 (scikit-learn is untyped)
    if len(np.unique(wanted)) < 2:
        raise WorkFailed("the training rows hold one class only; a classifier needs at least two")
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():  # threads took 35 times the CPU (measured)
        warnings.simplefilter("ignore", ConvergenceWarning)  # a head that is a little short of the optimum is as good
        return model.fit(features, wanted)


def _head(model: Any, classes: int) -> Head:  # noqa: ANN401 (scikit-learn is untyped)
    """Rows for every class: two for a binary model; one absent from train is never answered (docs/engine.md)."""
    weight, bias = np.asarray(model.coef_, dtype=np.float32), np.asarray(model.intercept_, dtype=np.float32)
    if len(weight) == 1:
        weight, bias = np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    full = Head(np.zeros((classes, weight.shape[1]), np.float32), np.full(classes, bias.min() - 2, np.float32))
    full.weight[model.classes_], full.bias[model.classes_] = weight, bias
    return full
