-- Rare forms and whole recipes of PostgreSQL.

-- # safe: types as they are written
CREATE TABLE t (
  a "char", b character(1), c char varying(3), d national character varying(4), e bit varying(5), f bit(3),
  g double precision, h float(24), i dec(5,2), j int4[][], k integer ARRAY[4], l timestamp(3) without time zone,
  m time with time zone, n interval day to second(3), o interval(6), p public.citext, q "MyType", r pg_catalog.int8,
  s geometry(Point, 4326), t vector(1536), u money, v xml, w tsvector, x int4range, y bigserial, z oid,
  aa varchar COLLATE pg_catalog."default" STORAGE external COMPRESSION pglz
);

-- # safe: constraints as they are written
CREATE TABLE IF NOT EXISTS public.t (
  id int CONSTRAINT t_pk PRIMARY KEY USING INDEX TABLESPACE fast,
  a int CONSTRAINT a_there NOT NULL CONSTRAINT a_above CHECK (a > 0) NO INHERIT,
  b int REFERENCES s ON DELETE SET NULL (b) ON UPDATE SET DEFAULT NOT DEFERRABLE,
  c int UNIQUE DEFERRABLE INITIALLY DEFERRED,
  d int GENERATED ALWAYS AS IDENTITY (INCREMENT BY 2 NO CYCLE OWNED BY NONE),
  during daterange,
  CONSTRAINT w PRIMARY KEY (id, during WITHOUT OVERLAPS),
  FOREIGN KEY (b, PERIOD during) REFERENCES s (id, PERIOD during),
  CHECK (a <> b) NOT ENFORCED,
  CONSTRAINT n NOT NULL c NO INHERIT,
  LIKE other INCLUDING ALL
) INHERITS (parent) USING heap;

-- # safe: a table of a type, and a foreign table
CREATE TABLE people OF person (PRIMARY KEY (id), name WITH OPTIONS DEFAULT 'x');
CREATE FOREIGN TABLE remote (id int OPTIONS (column_name 'ID')) SERVER other OPTIONS (schema_name 'public');

-- # safe: expressions in defaults
ALTER TABLE t ADD a timestamptz DEFAULT (now() AT TIME ZONE 'utc'), ADD b text DEFAULT ('a' || 'b'), ADD c int DEFAULT -1,
  ADD d text[] DEFAULT '{a,b}'::text[], ADD e jsonb DEFAULT '{"a": {"b": [1, 2]}}', ADD f bytea DEFAULT '\x00',
  ADD g uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid, ADD h text DEFAULT current_setting('app.tenant', true),
  ADD i numeric DEFAULT 1e-3, ADD j interval DEFAULT INTERVAL '1' DAY, ADD k date DEFAULT DATE '2024-01-01', ADD l text DEFAULT U&'\0041', ADD m bit(3) DEFAULT B'101', ADD n text DEFAULT $$x$$;

-- # safe: a default that is NULL by another name
ALTER TABLE t ADD a text DEFAULT NULL::character varying;

-- # unsafe: a default that calls a volatile function of an extension
ALTER TABLE t ADD a uuid DEFAULT "public"."uuid_generate_v1mc"();

-- # unsafe: a default in which a text holds what looks like an end
ALTER TABLE t ADD a text DEFAULT 'NOT NULL' NOT NULL, ADD b text NOT NULL;

-- # unsafe: the action stands on another line, after a comment
ALTER TABLE
  -- the table of orders
  orders /* all of them */
  DROP
  COLUMN note -- it is unused
;

-- # unsafe: in capitals, with blanks and without
ALTER   TABLE"orders"ALTER"note"TYPE int USING("note"::int);

-- # safe: a view over rows, an updatable one
CREATE OR REPLACE TEMP VIEW v AS SELECT * FROM t;
CREATE RECURSIVE VIEW tree (id) AS VALUES (1) UNION ALL SELECT id + 1 FROM tree WHERE id < 10;
ALTER VIEW v ALTER COLUMN a SET DEFAULT 1;
ALTER VIEW v SET (security_barrier = true);

-- # unsafe: a rename of a materialised view
ALTER MATERIALIZED VIEW daily RENAME TO daily_2;

-- # unsafe: an index and a table in one transaction that is rolled back in part
BEGIN;
SAVEPOINT s;
CREATE INDEX i ON orders (at);
RELEASE SAVEPOINT s;
COMMIT;

-- # safe: what an index says of itself
ALTER INDEX IF EXISTS orders_at RENAME TO orders_by_at;
ALTER INDEX orders_by_at SET (fillfactor = 70);
ALTER INDEX orders_by_at ALTER COLUMN 1 SET STATISTICS 100;

-- # safe: a sequence is made larger
ALTER SEQUENCE orders_id_seq AS bigint MAXVALUE 9223372036854775807 RESTART WITH 100;

-- # unsafe: a sequence is renamed
ALTER SEQUENCE orders_id_seq RENAME TO o_seq;

-- # safe: event triggers, servers, mappings, subscriptions come
CREATE EVENT TRIGGER audit ON ddl_command_end EXECUTE FUNCTION f();
CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'x');
CREATE USER MAPPING IF NOT EXISTS FOR app SERVER other OPTIONS (user 'x');
CREATE PUBLICATION changes FOR TABLE orders, lines WHERE (id > 10);
ALTER PUBLICATION changes ADD TABLE customers;
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION changes WITH (enabled = false);
CREATE COLLATION german (provider = icu, locale = 'de');
CREATE TEXT SEARCH CONFIGURATION mine (COPY = english);
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = f);
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int);
CREATE CAST (text AS mood) WITH INOUT AS IMPLICIT;
CREATE RULE quiet AS ON INSERT TO v DO INSTEAD NOTHING;
ALTER FUNCTION f() OWNER TO app;
ALTER TYPE address ADD ATTRIBUTE zip text;
SECURITY LABEL FOR x ON TABLE t IS 'y';
ALTER DATABASE shop SET timezone TO 'UTC';

-- # unsafe: a database is dropped
DROP DATABASE IF EXISTS shop WITH (FORCE);

-- # unsafe: a schema with all in it
DROP SCHEMA IF EXISTS archive CASCADE;

-- # unsafe: a role
DROP ROLE IF EXISTS app;

-- # safe: the recipe for a foreign key on a new column
ALTER TABLE orders ADD COLUMN customer_id bigint;
CREATE INDEX CONCURRENTLY orders_customer_id ON orders (customer_id);
ALTER TABLE orders ADD CONSTRAINT to_customers FOREIGN KEY (customer_id) REFERENCES customers (id) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT to_customers;

-- # safe: the recipe for a primary key of another type, its first part
-- given: CREATE TABLE orders (id serial PRIMARY KEY)
ALTER TABLE orders ADD COLUMN new_id bigint NOT NULL DEFAULT 0;
CREATE FUNCTION keep_new_id() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.new_id := NEW.id; RETURN NEW; END $$;
CREATE TRIGGER keep_new_id BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION keep_new_id();
CREATE UNIQUE INDEX CONCURRENTLY orders_new_id ON orders (new_id);

-- # unsafe: and its last part
-- given: CREATE TABLE orders (id serial PRIMARY KEY, new_id bigint NOT NULL); CREATE UNIQUE INDEX orders_new_id ON orders (new_id)
BEGIN;
ALTER TABLE orders DROP CONSTRAINT orders_pkey;
ALTER TABLE orders RENAME COLUMN id TO old_id;
ALTER TABLE orders RENAME COLUMN new_id TO id;
ALTER TABLE orders ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX orders_new_id;
COMMIT;

-- # safe: the recipe for an index of a partitioned table
-- given: CREATE TABLE events (id bigint, at date) PARTITION BY RANGE (at); CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')
CREATE INDEX CONCURRENTLY events_1_id ON events_1 (id);
CREATE INDEX events_id ON ONLY events (id);
ALTER INDEX events_id ATTACH PARTITION events_1_id;

-- # unsafe: an index of a partitioned table, at once
-- given: CREATE TABLE events (id bigint, at date) PARTITION BY RANGE (at)
CREATE INDEX events_id ON events (id);

-- # safe: the recipe for a partition that has rows
-- given: CREATE TABLE events (at date NOT NULL) PARTITION BY RANGE (at); CREATE TABLE old (at date NOT NULL)
ALTER TABLE old ADD CONSTRAINT bounds CHECK (at >= '2020-01-01' AND at < '2021-01-01') NOT VALID;
ALTER TABLE old VALIDATE CONSTRAINT bounds;
ALTER TABLE events ATTACH PARTITION old FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
ALTER TABLE old DROP CONSTRAINT bounds;

-- # safe: an index is replaced
-- given: CREATE TABLE orders (at date, id int); CREATE INDEX orders_at ON orders (at)
CREATE INDEX CONCURRENTLY orders_at_id ON orders (at, id);
DROP INDEX CONCURRENTLY orders_at;
ALTER INDEX orders_at_id RENAME TO orders_at;

-- # safe: unique without a lock
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS users_mail ON users (lower(mail));
ALTER TABLE users ADD CONSTRAINT users_handle UNIQUE USING INDEX users_handle_idx DEFERRABLE INITIALLY DEFERRED;

-- # safe: several things of one new table in one transaction with another's column
BEGIN;
SET LOCAL lock_timeout = '5s';
CREATE TABLE regions (id bigserial PRIMARY KEY, name text UNIQUE);
INSERT INTO regions (name) VALUES ('eu'), ('us');
ALTER TABLE orders ADD COLUMN region_id bigint;
COMMIT;

-- # safe: rows of a new table after the column of another
BEGIN;
ALTER TABLE orders ADD COLUMN region_id bigint;
CREATE TABLE regions (id bigserial PRIMARY KEY, name text UNIQUE);
INSERT INTO regions (name) VALUES ('eu'), ('us');
UPDATE regions SET name = upper(name);
COMMIT;

-- # unsafe: a check of all rows within the transaction of another change
BEGIN;
ALTER TABLE orders ADD COLUMN region text;
ALTER TABLE lines VALIDATE CONSTRAINT positive;
COMMIT;

-- # unsafe: a function that is new is called, and what it does is not seen
CREATE FUNCTION fill() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM orders; END $$;
DROP TABLE lines;
SELECT fill();

-- # safe: a type comes, and a column of it
DO $$ BEGIN CREATE TYPE mood AS ENUM ('a', 'b'); EXCEPTION WHEN duplicate_object THEN null; END $$;
ALTER TABLE people ADD COLUMN mood mood DEFAULT 'a'::mood NOT NULL;

-- # safe: what is dropped was made in the same file
CREATE FUNCTION pg_temp.helper() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE TYPE pair AS (a int, b int);
CREATE SEQUENCE s;
CREATE VIEW v AS SELECT 1;
DROP VIEW v; DROP SEQUENCE s; DROP TYPE pair; DROP FUNCTION pg_temp.helper();

-- # unsafe: a column of an old table is required by its foreign key's table
ALTER TABLE orders ADD COLUMN region_id bigint NOT NULL REFERENCES regions (id);

-- # unsafe: the old release may not be able to write
CREATE POLICY only_mine ON orders AS RESTRICTIVE FOR ALL TO app USING (owner = current_user);

-- # safe: a permissive policy more
CREATE POLICY also_mine ON orders FOR SELECT TO app USING (owner = current_user);

-- # safe: carriage returns and a byte order mark
﻿ALTER TABLE orders ADD COLUMN a int;

-- # unsafe: two statements on one line, and the second one counts
SELECT 1; DROP TABLE orders

-- # unsafe: a table is emptied by COPY's sister
TRUNCATE orders;
COPY orders FROM stdin;
1	2
\.

-- # safe: a JSON path, operators and casts in a query
UPDATE orders SET extra = extra || '{"a": 1}'::jsonb WHERE extra @> '{"b": 2}' AND extra ? 'c' AND note ~* 'x' AND id <@ int4range(1, 10);

-- # safe: SQL standard forms of a time zone and of text
SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE;
SELECT 'a' 'b', extract(epoch FROM now()), substring('abc' FROM 1 FOR 2), CAST(1 AS text), POSITION('a' IN 'b');

-- # unsafe, version 13: DETACH CONCURRENTLY is not there yet, and DETACH locks
ALTER TABLE events DETACH PARTITION events_1;

-- # safe, version 14: and since 14
ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY;

-- # unsafe, version 11, in a transaction: a value of an enum before 12
ALTER TYPE mood ADD VALUE 'c';

-- # safe, version 12, in a transaction: and since 12
ALTER TYPE mood ADD VALUE 'c';

-- # unsafe, version 11: REINDEX CONCURRENTLY is not there yet
REINDEX TABLE orders;

-- # unsafe: an index is written to another place
ALTER INDEX orders_at SET TABLESPACE fast;

-- # unsafe, in a transaction: every row is read while the table is locked
ALTER TABLE orders ADD COLUMN a int;
SELECT count(*) FROM orders;

-- # safe, in a transaction: a sequence is set, as Django does
ALTER TABLE "orders" ADD COLUMN "a" int NULL;
SELECT setval(pg_get_serial_sequence('"orders"','id'), coalesce(max("id"), 1), max("id") IS NOT null) FROM "orders";
