-- Logs, the records of their runs, documents and answers.

-- One row. Whoever writes has it locked with others who write; whoever must be alone (to take
-- the store over, to forget runs, to have a run rest) changes it, and so waits for all of them
-- and they for him. Who drives the runs is known by the epoch.
CREATE TABLE awe.owner (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL DEFAULT 0,
    who text,
    since timestamptz,
    backend integer,
    turn bigint NOT NULL DEFAULT 0
);
INSERT INTO awe.owner DEFAULT VALUES;

-- A number is never given twice: who remembers that of a run that was forgotten finds nothing.
CREATE SEQUENCE awe.run_no;

CREATE TABLE awe.runs (
    no bigint PRIMARY KEY,
    run_id text COLLATE "C" NOT NULL UNIQUE,
    graph text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    began timestamptz NOT NULL,
    changed timestamptz NOT NULL,
    error text COLLATE "C",
    origin text COLLATE "C",
    origin_seq bigint,
    tags jsonb NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    due timestamptz
) WITH (fillfactor = 90);
CREATE INDEX runs_by_began ON awe.runs (began, run_id);
CREATE INDEX runs_by_status ON awe.runs (status, began, run_id);
CREATE INDEX runs_by_graph ON awe.runs (graph, began, run_id);
CREATE INDEX runs_by_error ON awe.runs (error, began, run_id) WHERE error IS NOT NULL;
CREATE INDEX runs_by_due ON awe.runs (due, run_id) WHERE due IS NOT NULL;
CREATE INDEX runs_by_origin ON awe.runs (origin) WHERE origin IS NOT NULL;
CREATE INDEX runs_by_tag ON awe.runs USING gin (tags jsonb_path_ops);

-- Batches. `after` is the last entry before the batch, -1 if there is none: two rows of a run
-- can't follow the same one, so of two who write one log at once only one succeeds.
CREATE TABLE awe.rows (
    run bigint NOT NULL,
    after bigint NOT NULL,
    last bigint NOT NULL,
    data bytea NOT NULL,
    blobs text[],
    PRIMARY KEY (run, after)
);
CREATE INDEX rows_by_blob ON awe.rows USING gin (blobs) WHERE blobs IS NOT NULL;

CREATE TABLE awe.blobs (
    digest text COLLATE "C" PRIMARY KEY,
    data bytea NOT NULL
);

-- Runs that are gone, whose rows are still to be removed.
CREATE TABLE awe.forgotten (run bigint PRIMARY KEY);

CREATE TABLE awe.documents (
    kind text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    digest bytea NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (kind, name, number),
    UNIQUE (kind, name, digest)
);

CREATE TABLE awe.answers (
    key text COLLATE "C" PRIMARY KEY,
    answer bytea NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX answers_by_at ON awe.answers (at);
