-- Cases of SQLite.

-- # safe, sqlite: a new table and its indexes
CREATE TABLE IF NOT EXISTS "orders" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "note" varchar(20) NULL, "at" datetime DEFAULT CURRENT_TIMESTAMP, "total" AS ("a" * 2) STORED, UNIQUE ("note") ON CONFLICT REPLACE) STRICT, WITHOUT ROWID;
CREATE INDEX "orders_at" ON "orders" ("at" COLLATE NOCASE DESC) WHERE "at" IS NOT NULL;

-- # safe, sqlite: a column
ALTER TABLE orders ADD COLUMN region text DEFAULT 'eu' NOT NULL;

-- # unsafe, sqlite: a required column
ALTER TABLE orders ADD region text NOT NULL;

-- # unsafe, sqlite: dropped
ALTER TABLE orders DROP COLUMN note;

-- # unsafe, sqlite: renamed
ALTER TABLE orders RENAME COLUMN note TO remark;

-- # unsafe, sqlite: the table renamed
ALTER TABLE orders RENAME TO purchases;

-- # safe, sqlite: an index
CREATE INDEX IF NOT EXISTS orders_at ON orders (at);
DROP INDEX IF EXISTS orders_note;

-- # unsafe, sqlite: unique
CREATE UNIQUE INDEX orders_number ON orders (number);

-- # safe, sqlite: a rebuild that adds a column with a default, as Django does
-- given: CREATE TABLE "shop_order" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "note" text NOT NULL)
CREATE TABLE "new__shop_order" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "note" text NOT NULL, "region" text NULL);
INSERT INTO "new__shop_order" ("id", "note", "region") SELECT "id", "note", NULL FROM "shop_order";
DROP TABLE "shop_order";
ALTER TABLE "new__shop_order" RENAME TO "shop_order";

-- # unsafe, sqlite: a rebuild that adds a required column
-- given: CREATE TABLE "shop_order" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "note" text NOT NULL)
CREATE TABLE "new__shop_order" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "note" text NOT NULL, "region" text NOT NULL);
INSERT INTO "new__shop_order" ("id", "note", "region") SELECT "id", "note", 'eu' FROM "shop_order";
DROP TABLE "shop_order";
ALTER TABLE "new__shop_order" RENAME TO "shop_order";

-- # unsafe, sqlite: a rebuild that renames
CREATE TABLE "new__a" ("id" integer NOT NULL PRIMARY KEY, "remark" text NULL);
INSERT INTO "new__a" ("id", "remark") SELECT "id", "note" FROM "a";
DROP TABLE "a";
ALTER TABLE "new__a" RENAME TO "a";

-- # unsafe, sqlite: a rebuild that makes a column required
-- given: CREATE TABLE "a" ("id" integer NOT NULL PRIMARY KEY, "note" text NULL)
CREATE TABLE "new__a" ("id" integer NOT NULL PRIMARY KEY, "note" text NOT NULL);
INSERT INTO "new__a" ("id", "note") SELECT "id", coalesce("note", '') FROM "a";
DROP TABLE "a";
ALTER TABLE "new__a" RENAME TO "a";

-- # unsafe, sqlite: the same, where the column is copied as it is
-- given: CREATE TABLE "a" ("id" integer NOT NULL PRIMARY KEY, "note" text NULL)
CREATE TABLE "new__a" ("id" integer NOT NULL PRIMARY KEY, "note" text NOT NULL);
INSERT INTO "new__a" ("id", "note") SELECT "id", "note" FROM "a";
DROP TABLE "a";
ALTER TABLE "new__a" RENAME TO "a";

-- # safe, sqlite: Prisma
-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_User" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "email" TEXT NOT NULL,
    "name" TEXT
);
INSERT INTO "new_User" ("email", "id") SELECT "email", "id" FROM "User";
DROP TABLE "User";
ALTER TABLE "new_User" RENAME TO "User";
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
PRAGMA foreign_key_check;
PRAGMA foreign_keys=ON;

-- # unsafe, sqlite: Prisma drops a column by leaving it out
-- given: CREATE TABLE "User" ("id" INTEGER NOT NULL PRIMARY KEY, "email" TEXT NOT NULL, "name" TEXT); CREATE UNIQUE INDEX "User_email_key" ON "User"("email")
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_User" ("id" INTEGER NOT NULL PRIMARY KEY, "email" TEXT NOT NULL);
INSERT INTO "new_User" ("email", "id") SELECT "email", "id" FROM "User";
DROP TABLE "User";
ALTER TABLE "new_User" RENAME TO "User";
PRAGMA foreign_keys=ON;

-- # unsafe, sqlite: Alembic renames to a table for a while
CREATE TABLE _alembic_tmp_a (id INTEGER NOT NULL, note TEXT NOT NULL, region TEXT NOT NULL, PRIMARY KEY (id));
INSERT INTO _alembic_tmp_a (id, note) SELECT a.id, a.note FROM a;
DROP TABLE a;
ALTER TABLE _alembic_tmp_a RENAME TO a;

-- # unsafe, sqlite: rows
DELETE FROM orders;

-- # unsafe, sqlite: a table
DROP TABLE IF EXISTS orders;

-- # safe, sqlite: triggers
CREATE TRIGGER IF NOT EXISTS touch AFTER UPDATE ON orders BEGIN UPDATE orders SET at = 1 WHERE id = NEW.id; DELETE FROM x; END;

-- # unsafe, sqlite: a rebuild that makes a column unique
-- given: CREATE TABLE "a" ("id" integer NOT NULL PRIMARY KEY, "note" text NOT NULL)
CREATE TABLE "new__a" ("id" integer NOT NULL PRIMARY KEY, "note" text NOT NULL UNIQUE);
INSERT INTO "new__a" ("id", "note") SELECT "id", "note" FROM "a";
DROP TABLE "a";
ALTER TABLE "new__a" RENAME TO "a";

-- # safe, sqlite: a rebuild with another type
-- given: CREATE TABLE "a" ("id" integer NOT NULL PRIMARY KEY, "note" varchar(10) NOT NULL UNIQUE)
CREATE TABLE "new__a" ("id" integer NOT NULL PRIMARY KEY, "note" varchar(20) NOT NULL UNIQUE);
INSERT INTO "new__a" ("id", "note") SELECT "id", "note" FROM "a";
DROP TABLE "a";
ALTER TABLE "new__a" RENAME TO "a";

-- # safe, sqlite: what SQLite has
CREATE VIRTUAL TABLE notes USING fts5(note, content='orders');
CREATE TEMP TABLE t AS SELECT 1;
ATTACH DATABASE 'x.db' AS x;
INSERT OR REPLACE INTO settings VALUES (1);
UPDATE OR IGNORE settings SET a = 1 WHERE id = 1;
VACUUM; REINDEX; ANALYZE; PRAGMA user_version = 5;
BEGIN IMMEDIATE; COMMIT; SAVEPOINT a; RELEASE a;
CREATE TABLE [in brackets] ([a b] INTEGER, `c` TEXT DEFAULT (datetime('now')), d);

-- # unsafe, sqlite: a view goes
DROP VIEW v;

-- # unsafe, sqlite: every row
UPDATE orders SET region = 'eu';
