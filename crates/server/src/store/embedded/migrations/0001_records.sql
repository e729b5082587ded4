-- Records. The columns are what is looked up; the rest is in `head`, which every write
-- replaces. Requests and outcomes are written once and stand apart from it.
CREATE TABLE records (
  row         INTEGER PRIMARY KEY,
  service     TEXT    NOT NULL,
  parent      TEXT    NOT NULL,
  id          TEXT    NOT NULL,
  owner       TEXT,
  method      TEXT    NOT NULL,
  state       INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  finish_time INTEGER,
  due_time    INTEGER NOT NULL,
  deleted     INTEGER NOT NULL,
  ready       INTEGER NOT NULL,
  seq         INTEGER NOT NULL,
  head        BLOB    NOT NULL
) STRICT;

-- Ids are time-ordered, so a new name goes to the end.
CREATE UNIQUE INDEX records_name ON records (service, id, parent);
-- Lists, each in the order of its pages: of a parent's, of an owner's under a parent, of a
-- service, of all.
CREATE INDEX records_parent ON records (service, parent, create_time, id);
CREATE INDEX records_owner ON records (service, owner, parent, create_time, id) WHERE owner IS NOT NULL;
CREATE INDEX records_service ON records (service, create_time, parent, id);
CREATE INDEX records_time ON records (create_time, service, parent, id);
-- What the reaper looks for, and what workers look for: by row, so the oldest comes first.
CREATE INDEX records_due ON records (due_time);
CREATE INDEX records_ready ON records (service, method) WHERE ready = 1;

-- The change feed, of a service or of all: what a reader passes over, it passes over in the
-- index.
CREATE UNIQUE INDEX records_seq ON records (seq, service);

CREATE TABLE requests (row INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE outcomes (row INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;

CREATE TABLE labels (
  row   INTEGER NOT NULL,
  key   TEXT    NOT NULL,
  value TEXT    NOT NULL,
  PRIMARY KEY (row, key)
) STRICT, WITHOUT ROWID;

-- What is left of removed records: the owner is a digest, `gone` says why.
CREATE TABLE tombstones (
  service     TEXT    NOT NULL,
  id          TEXT    NOT NULL,
  parent      TEXT    NOT NULL,
  owner       BLOB,
  gone        INTEGER NOT NULL,
  remove_time INTEGER NOT NULL,
  PRIMARY KEY (service, id, parent)
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_due ON tombstones (remove_time);

-- Who has a request id (kind 1) or an exclusive key (kind 2): found by a digest, apart from
-- the record that it is for.
CREATE TABLE claims (
  kind      INTEGER NOT NULL,
  scope     BLOB    NOT NULL,
  service   TEXT    NOT NULL,
  parent    TEXT    NOT NULL,
  id        TEXT    NOT NULL,
  body      BLOB,
  confirmed INTEGER NOT NULL,
  gone      INTEGER,
  due_time  INTEGER,
  PRIMARY KEY (kind, scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_due ON claims (due_time) WHERE due_time IS NOT NULL;

-- Descriptor sets by their digests, and how many records refer to each.
CREATE TABLE descriptors (digest BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE descriptor_uses (
  digest  BLOB    PRIMARY KEY,
  records INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the change feed tells of records that are gone, for a day.
CREATE TABLE removals (
  seq     INTEGER PRIMARY KEY,
  service TEXT    NOT NULL,
  parent  TEXT    NOT NULL,
  id      TEXT    NOT NULL,
  time    INTEGER NOT NULL
) STRICT;

-- The store's time and the change feed's end at its last commit. Both go on from there,
-- whatever the machine says and whatever was removed.
CREATE TABLE clock (now INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT;
INSERT INTO clock VALUES (0, 0);
