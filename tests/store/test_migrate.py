"""The schema: created, upgraded, refused."""

from __future__ import annotations

import pathlib
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from engine.errors import Invalid, NotReady, Unavailable
from engine.models.base import METADATA
from engine.models.call import HourlyUsage
from engine.rules import histogram
from engine.services import Services
from engine.store import migrate, usage
from engine.store.database import Database, open_database


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return request.getfixturevalue("postgres_url")


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name in METADATA.tables


def test_models_and_migrations_agree(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _ours})
        assert compare_metadata(context, METADATA) == []


def test_upgrading_twice_changes_nothing(services: Services) -> None:
    done = migrate.upgrade(services.database)
    assert done.before == done.after == migrate.newest()
    assert done.copy is None


def test_an_older_file_with_rows_that_others_refer_to_is_upgraded(tmp_path: pathlib.Path) -> None:
    old = open_database(f"sqlite:///{tmp_path / 'assay.db'}")
    migrate.upgrade(old, to="20261129_add_labelling")
    with old.writer.begin() as connection:
        for row in (
            "INSERT INTO feature (id, slug, approach, owner, channel, live_since, margin, labels, rights, "
            "registered_by, registered_at, version) "
            "VALUES (1, 'a', 'classify', 'U1', '', '2026-01-01', 0.02, '[]', '', 'U1', '2026-01-01', 1)",
            "INSERT INTO label_queue (id, name, feature_id, purpose, state, size, double_share, by, channel, "
            "agreement, created_at, version) "
            "VALUES (1, 'que-a', 1, 'label', 'closed', 1, 0, 'U1', '', '{}', '2026-01-01', 1)",
            "INSERT INTO queued_text (queue_id, number, row_id, input, given, wanted, state, output) "
            "VALUES (1, 1, 'r1', 'text', '', 1, 'settled', 'bug')",
        ):
            connection.execute(text(row))
    done = migrate.upgrade(old)
    assert done.after == migrate.newest()
    with old.writer.begin() as connection:
        connection.execute(text("UPDATE label_queue SET purpose = 'pairs'"))
        assert connection.execute(text("SELECT first FROM queued_text")).scalar() == ""
    with pytest.raises(IntegrityError), old.writer.begin() as connection:
        connection.execute(text("DELETE FROM label_queue"))
    with pytest.raises(IntegrityError), old.writer.begin() as connection:
        connection.execute(text("UPDATE label_queue SET state = 'nowhere'"))


def test_hours_of_an_older_database_keep_their_moment_side_sums_and_histograms(empty_url: str) -> None:
    earlier, shape = "20261129_add_quoted", histogram.of([5.0, 5.1, 5.3])
    database = open_database(empty_url)
    migrate.upgrade(database, to=earlier)
    with database.writer.begin() as connection:
        connection.execute(text(
            "INSERT INTO feature (id, slug, approach, owner, channel, live_since, margin, labels, rights, "
            "registered_by, registered_at, version) VALUES (1, 'a', 'classify', 'U1', '', '2026-01-01', 0.02, '[]', "
            "'', 'U1', '2026-01-01', 1)"
        ))  # fmt: skip
        row = text(  # every value but the literal ones is bound
            "INSERT INTO hourly_usage (hour, feature_id, assigned, served, model, source, status_class, role, n,"
            " errors, tokens_in, tokens_in_cached, tokens_out, cost_nano_usd, unpriced_n, latency) VALUES "
            "(:hour, 1, 'tuned', :served, 'm', 'gateway', '2xx', 'answer', 3, 0, 30, 0, 9, 77, 0, :latency)"
        )
        for hour, served in ((8, "tuned"), (23, "baseline")):
            at = datetime(2026, 10, 31, hour, tzinfo=UTC)
            stored = f"{at:%Y-%m-%d %H}:00:00.000000" if database.is_sqlite else at  # as it was bound then
            connection.execute(row, {"hour": stored, "served": served, "latency": histogram.to_bytes(shape)})
    assert migrate.upgrade(database).before == earlier
    with database.read() as tx:
        kept = tx.exec(select(HourlyUsage).order_by(col(HourlyUsage.hour))).all()
        month = usage.month(tx, 1, "2026-10")
    assert [(row.hour, row.assigned, row.served) for row in kept] == [
        (datetime(2026, 10, 31, 8, tzinfo=UTC), "tuned", "tuned"),
        (datetime(2026, 10, 31, 23, tzinfo=UTC), "tuned", "baseline"),
    ]
    assert histogram.from_bytes(kept[0].latency) == shape
    assert month is not None
    assert (month.calls, month.cost_nano) == (6, 154)
    database.close()


def test_a_newer_schema_is_refused_with_a_sentence(services: Services) -> None:
    with services.database.writer.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '20991231_from_the_future'"))
    with pytest.raises(
        NotReady, match=r"20991231_from_the_future, which this version of Assay does not know"
    ) as refused:
        migrate.prepare(services.database)
    assert "newer" in refused.value.message
    with pytest.raises(NotReady):
        migrate.upgrade(services.database)


def test_a_database_of_somebody_else_names_the_command_that_mends_it(services: Services) -> None:
    with services.database.writer.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(NotReady) as refused:
        migrate.prepare(services.database)
    assert refused.value.hint == "Run: assay db upgrade"


def test_a_missing_sqlite_file_is_created_with_its_folder(tmp_path: pathlib.Path) -> None:
    made = open_database(f"sqlite:///{tmp_path / 'deep' / 'assay.db'}")
    migrate.prepare(made)
    assert migrate.revision(made) == migrate.newest()
    with made.read() as tx:
        assert tx.connection().exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    made.close()


def test_a_database_that_cannot_be_opened_is_told_without_its_password(tmp_path: pathlib.Path) -> None:
    noise = tmp_path / "noise.db"
    noise.write_bytes(b"no database " * 500)
    with pytest.raises(Unavailable, match="file is not a database"):
        migrate.prepare(open_database(f"sqlite:///{noise}"))
    silent = open_database("postgresql://ann:opensesame@127.0.0.1:1/assay")
    with pytest.raises(Unavailable, match=r"ann:\*\*\*@127\.0\.0\.1") as told:
        migrate.upgrade(silent)
    assert "opensesame" not in str(told.value)
    with pytest.raises(Unavailable, match="does not answer"), silent.write() as tx:
        tx.connection()
    with pytest.raises(Unavailable, match="does not answer"), silent.read() as tx:
        tx.connection()


@pytest.mark.parametrize("url", ["nonsense", "mysql://ann@db/assay"])
def test_an_address_of_no_database_of_ours_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        open_database(url)
    assert "ASSAY_DATABASE_URL" in refused.value.message
    assert "postgresql://" in refused.value.hint


def test_a_home_that_cannot_be_made_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Invalid, match="cannot be made") as refused:
        open_database(f"sqlite:///{tmp_path / 'file' / 'assay.db'}")
    assert "ASSAY_HOME" in refused.value.hint
