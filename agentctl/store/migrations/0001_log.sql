-- The log: one line an event, never changed, each chained to the one before it by its hash.

PRAGMA application_id = 0x61676374; -- "agct"

CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,
    stream  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    type    TEXT    NOT NULL,
    at      TEXT    NOT NULL, -- ISO 8601, UTC, microseconds
    actor   TEXT    NOT NULL,
    host    TEXT    NOT NULL,
    data    TEXT    NOT NULL, -- JSON
    request TEXT,             -- the id of the call that appended it, where that call may be repeated
    part    INTEGER NOT NULL, -- its place in that call, from 0
    hash    TEXT    NOT NULL,
    UNIQUE (stream, version)
);

CREATE UNIQUE INDEX events_of_request ON events (request, part) WHERE request IS NOT NULL;

CREATE TRIGGER events_never_change BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'an event never changes');
END;

CREATE TRIGGER events_never_go BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'an event never goes');
END;

-- A view as it was after an event: it only saves time and can be made again from the events.
CREATE TABLE snapshots (
    view  TEXT    PRIMARY KEY,
    seq   INTEGER NOT NULL,
    state TEXT    NOT NULL, -- JSON
    hash  TEXT    NOT NULL  -- ties it to that very event
) WITHOUT ROWID;
