PRAGMA foreign_keys = OFF;
CREATE TABLE new_a (id INTEGER PRIMARY KEY);
INSERT INTO new_a SELECT id FROM a;
DROP TABLE a;
ALTER TABLE new_a RENAME TO a;
/* c /* d */ */