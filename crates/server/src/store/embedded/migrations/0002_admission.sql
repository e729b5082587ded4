-- Clients see neither deleted records that are still open nor held ones, which are no
-- operations yet.
ALTER TABLE records RENAME COLUMN deleted TO hidden;

-- What held records were rejected with, until their calls have read it.
CREATE TABLE rejections (
  service     TEXT    NOT NULL,
  id          TEXT    NOT NULL,
  parent      TEXT    NOT NULL,
  reject_time INTEGER NOT NULL,
  body        BLOB    NOT NULL,
  PRIMARY KEY (service, id, parent)
) STRICT, WITHOUT ROWID;
CREATE INDEX rejections_due ON rejections (reject_time);
