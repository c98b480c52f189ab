"""The tables of the file, and how those of each version become those of the next.

This module knows the tables. It does not know how a file is opened (`opening`), nor what is
asked or written.

Rows are kept in the order in which they arrive, with an index on (run, last). Measured with
200 runs at once, 700 bytes a row: 6-9 us of CPU a row, against 14-26 us for rows ordered by
run, where each commit has to write one page for each run. The index makes a lone commit 4 %
longer, and takes 12 bytes a row.
"""

from __future__ import annotations

from typing import Final

APPLICATION: Final = 0x41574531
"""Names our files among all SQLite files: AWE1."""

VERSIONS: Final = (
    (
        """
        CREATE TABLE runs (
            no INTEGER PRIMARY KEY,
            run_id TEXT NOT NULL UNIQUE,
            graph TEXT NOT NULL,
            version TEXT NOT NULL,
            status TEXT NOT NULL,
            began INTEGER NOT NULL,
            changed INTEGER NOT NULL,
            error TEXT,
            origin TEXT,
            origin_seq INTEGER,
            tags TEXT NOT NULL,
            tenant TEXT NOT NULL
        )
        """,
        "CREATE INDEX runs_by_began ON runs (began, run_id)",
        """
        CREATE INDEX runs_not_over ON runs (began, run_id)
        WHERE status IN ('running', 'paused')
        """,
        """
        CREATE TABLE rows (
            no INTEGER PRIMARY KEY,
            run INTEGER NOT NULL,
            after INTEGER,
            last INTEGER NOT NULL,
            data BLOB NOT NULL
        )
        """,
        "CREATE UNIQUE INDEX rows_by_run ON rows (run, last)",
        """
        CREATE TRIGGER rows_follow BEFORE INSERT ON rows
        WHEN (SELECT max(last) FROM rows WHERE run = NEW.run) IS NOT NEW.after
        BEGIN
            SELECT CASE
                WHEN NEW.run IS NULL THEN RAISE(IGNORE)
                ELSE RAISE(ROLLBACK, 'the row does not follow the end of its log')
            END;
        END
        """,
        """
        CREATE TABLE documents (
            no INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            number INTEGER NOT NULL,
            data BLOB NOT NULL
        )
        """,
        "CREATE UNIQUE INDEX documents_by_name ON documents (kind, name, number)",
        """
        CREATE TABLE answers (
            no INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            answer BLOB NOT NULL
        )
        """,
    ),
    (
        "ALTER TABLE runs ADD COLUMN due INTEGER",
        # Nobody knows of these when they go on: whoever drives them finds out.
        "UPDATE runs SET due = changed WHERE status IN ('running', 'paused')",
        "DROP INDEX runs_not_over",
        "CREATE INDEX runs_by_status ON runs (status, began, run_id)",
        "CREATE INDEX runs_by_graph ON runs (graph, status, began, run_id)",
        "CREATE INDEX runs_by_error ON runs (error, began, run_id) WHERE error IS NOT NULL",
        "CREATE INDEX runs_by_due ON runs (due, run_id) WHERE due IS NOT NULL",
        "CREATE INDEX runs_by_origin ON runs (origin) WHERE origin IS NOT NULL",
        """
        CREATE TABLE tags (
            key TEXT NOT NULL,
            value TEXT NOT NULL,
            began INTEGER NOT NULL,
            run_id TEXT NOT NULL,
            run INTEGER NOT NULL,
            PRIMARY KEY (key, value, began, run_id)
        ) WITHOUT ROWID
        """,
        """
        INSERT INTO tags (key, value, began, run_id, run)
        SELECT each.key, each.value, began, run_id, no FROM runs, json_each(tags) AS each
        """,
        "CREATE TABLE forgotten (no INTEGER PRIMARY KEY)",
        "DROP TRIGGER rows_follow",
        """
        CREATE TRIGGER rows_follow BEFORE INSERT ON rows
        WHEN (SELECT max(last) FROM rows WHERE run = NEW.run) IS NOT NEW.after
            OR NEW.after IS NULL AND NOT EXISTS (SELECT 1 FROM runs WHERE no = NEW.run)
        BEGIN
            SELECT CASE
                WHEN NEW.run IS NULL THEN RAISE(IGNORE)
                ELSE RAISE(ROLLBACK, 'the row does not follow the end of its log')
            END;
        END
        """,
        """
        CREATE TABLE blobs (
            no INTEGER PRIMARY KEY,
            digest TEXT NOT NULL UNIQUE,
            data BLOB NOT NULL
        )
        """,
        """
        CREATE TABLE uses (
            run INTEGER NOT NULL,
            last INTEGER NOT NULL,
            blob INTEGER NOT NULL,
            PRIMARY KEY (run, last, blob)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX uses_by_blob ON uses (blob)",
        "ALTER TABLE answers ADD COLUMN at INTEGER NOT NULL DEFAULT 0",
        "UPDATE answers SET at = CAST(strftime('%s', 'now') AS INTEGER) * 1000000",
        "CREATE INDEX answers_by_at ON answers (at)",
    ),
)
"""What makes each version of the schema of the one before.

Times are microseconds, UTC. `after` is the end of the run's row before, NULL for its first one.
The trigger lets no row in that does not follow: the rule of the log is the table's own.

`tags` has when a run began and its name once more, which never change, so that its own order is
that of the list of runs. `forgotten` has the numbers of runs whose rows are still to be removed,
and keeps the highest: no number is ever given twice, because others remember them. `uses` says
which blobs a row has outside of its data.
"""

VERSION: Final = len(VERSIONS)
