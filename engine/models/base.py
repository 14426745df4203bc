"""What every noun is built from: ``Value`` (frozen), ``Table`` (a row) and columns for time and closed words."""

import math
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import CheckConstraint, DateTime, Integer, MetaData, SmallInteger, String
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import declared_attr
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# ``Table.metadata`` is SQLModel's own; naming its constraints makes migrations the same on every database.
SQLModel.metadata.naming_convention = NAMING
METADATA: MetaData = SQLModel.metadata


class Value(BaseModel):
    """A frozen value: equal by content, safe to pass between processes as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Table(SQLModel):
    """A row of ours; ``LabelSet`` lies in table ``label_set``. Relations are asked for in ``engine.store``."""

    @declared_attr  # pyright: ignore[reportArgumentType] # sqlmodel writes it this way too
    def __tablename__(cls) -> str:  # noqa: N805 # pyright: ignore[reportIncompatibleVariableOverride] # SQLAlchemy reads it of the class
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC. Refuses naive moments, and gives aware ones back on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Store as UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive moment {value!r}; moments are aware UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Give back as UTC; SQLite forgets zones."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class UtcHour(UtcDateTime):
    """The begin of an hour in UTC.

    SQLite has no type of moments and writes 26 letters for each: there it is whole seconds since 1970. A moment that
    it is compared with is rounded up to a second, so that ``>=`` and ``<`` are exact.
    """

    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Whole seconds on SQLite, a moment elsewhere."""
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401 (what the database keeps)
        """Store as UTC."""
        moment = super().process_bind_param(value, dialect)
        return moment if moment is None or dialect.name != "sqlite" else math.ceil(moment.timestamp())

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ANN401 (what the database keeps)
        """Give back as UTC."""
        return super().process_result_value(
            datetime.fromtimestamp(value, UTC) if isinstance(value, int) else value, dialect
        )


def words_check(column: str, words: type[StrEnum]) -> CheckConstraint:
    """A CHECK that a text column holds one of a closed list of words."""
    listed = ", ".join(f"'{word.value}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class Word(TypeDecorator[StrEnum]):
    """A closed word: text in the database, so that a new word needs no type migration; the enum member in Python."""

    impl = String(32)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Store the word; a word outside the list is refused before the CHECK sees it."""
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Give the member back."""
        return None if value is None else self.words(value)


class Listed(TypeDecorator[str]):
    """A word of a closed list, kept as its place in it: for tables of so many rows that letters are what they weigh."""

    impl = SmallInteger
    cache_ok = True

    def __init__(self, words: tuple[str, ...]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Store the place; a word outside the list is refused."""
        return None if value is None else self.words.index(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Give the word back."""
        return None if value is None else self.words[value]


def word(words: type[StrEnum], **field: Any) -> Any:  # noqa: ANN401 (as sqlmodel.Field, which it wraps)
    """The field of a closed word; further arguments are ``Field``'s."""
    return Field(sa_type=Word(words), **field)  # pyright: ignore[reportArgumentType] # sqlmodel types sa_type as a class; SQLAlchemy takes instances


def listed(words: tuple[str, ...], **field: Any) -> Any:  # noqa: ANN401 (as sqlmodel.Field, which it wraps)
    """The field of a word that is kept as its place in a list; further arguments are ``Field``'s."""
    return Field(sa_type=Listed(words), **field)  # pyright: ignore[reportArgumentType] # as of word
