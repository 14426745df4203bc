"""Texts as sparse counts of words and pairs of words (scikit-learn). Loaded by jobs alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from engine.approaches import Task
from engine.errors import WorkFailed
from engine.train import Answer, _tensors
from engine.train._linear import Head, answers

_WORD = r"(?u)\w+"  # one letter is a word too
_TERMS, _WEIGHTS, _CLASSES = "terms.json", "idf.safetensors", "classes.json"


def fit(texts: Sequence[str]) -> tuple[Any, Any]:
    """The vectorizer and the (rows, terms) matrix. Raises ``WorkFailed`` when the texts hold no word."""
    vectorizer: Any = _vectorizer(None)
    try:
        return vectorizer, vectorizer.fit_transform(texts)
    except ValueError as error:
        raise WorkFailed("the training texts hold no words") from error


def save(folder: Path, vectorizer: Any, head: Head, task: Task) -> None:  # noqa: ANN401 (scikit-learn is untyped)
    """Terms and classes as JSON, weights as safetensors."""
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.get)
    (folder / _TERMS).write_text(json.dumps(terms, ensure_ascii=False), encoding="utf-8")
    (folder / _CLASSES).write_text(json.dumps(list(task.classes), ensure_ascii=False), encoding="utf-8")
    _tensors.save(folder / _WEIGHTS, {"idf": np.asarray(vectorizer.idf_, dtype=np.float64)})
    head.save(folder)


class WordAnswerer:
    """A loaded TF-IDF candidate."""

    def __init__(self, folder: Path) -> None:
        terms = json.loads((folder / _TERMS).read_text(encoding="utf-8"))
        self._task = Task(approach="classify", classes=tuple(json.loads((folder / _CLASSES).read_text("utf-8"))))
        self._vectorizer: Any = _vectorizer({term: place for place, term in enumerate(terms)})
        self._vectorizer.idf_ = _tensors.load(folder / _WEIGHTS)["idf"]
        self._head = Head.load(folder)

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        """Answers in input order."""
        return answers(self._head.logits(self._vectorizer.transform(list(inputs))), self._task) if inputs else []


def _vectorizer(vocabulary: dict[str, int] | None) -> Any:  # noqa: ANN401 (scikit-learn is untyped)
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=_WORD, vocabulary=vocabulary)
