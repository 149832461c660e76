-- Constraints, indexes, types and partitions of PostgreSQL.

-- # unsafe: a CHECK that reads every row
ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0);

-- # safe: a CHECK that is not valid yet, and is validated by itself
-- given: CREATE TABLE orders (amount int)
ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0) NO INHERIT NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT positive;

-- # unsafe, in a transaction: it is validated under the lock that added it
ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT positive;

-- # unsafe: in one statement
ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID, VALIDATE CONSTRAINT positive;

-- # safe: validated in a transaction that holds nothing else
BEGIN;
ALTER TABLE orders VALIDATE CONSTRAINT positive;
COMMIT;

-- # unsafe: a column of this release is required by a constraint that is not valid yet
ALTER TABLE orders ADD COLUMN region text;
ALTER TABLE orders ADD CONSTRAINT region_there CHECK ((("region" IS NOT NULL))) NOT VALID;

-- # unsafe: the same, with the column's type checked beside it
ALTER TABLE orders ADD COLUMN region text, ADD CONSTRAINT region_there CHECK (region IS NOT NULL AND length(region) < 10) NOT VALID;

-- # unsafe: num_nonnulls says the same
ALTER TABLE orders ADD COLUMN region text;
ALTER TABLE orders ADD CONSTRAINT region_there CHECK (num_nonnulls(region) = 1) NOT VALID;

-- # safe: a constraint that NULL meets, on a column of this release
ALTER TABLE orders ADD COLUMN region text;
ALTER TABLE orders ADD CONSTRAINT region_short CHECK (length(region) < 10) NOT VALID;

-- # unsafe: a foreign key that reads every row
ALTER TABLE "orders" ADD CONSTRAINT "orders_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- # safe: a foreign key that is not valid yet
ALTER TABLE orders ADD CONSTRAINT to_customers FOREIGN KEY (customer_id) REFERENCES customers (id) MATCH SIMPLE DEFERRABLE INITIALLY DEFERRED NOT VALID;

-- # safe: the foreign key of a new table
CREATE TABLE lines (order_id bigint);
ALTER TABLE ONLY lines ADD CONSTRAINT to_orders FOREIGN KEY (order_id) REFERENCES orders (id);

-- # unsafe: from an old table to a new one
CREATE TABLE regions (id int PRIMARY KEY);
ALTER TABLE orders ADD FOREIGN KEY (region_id) REFERENCES regions;

-- # unsafe: unique, built in place
ALTER TABLE orders ADD CONSTRAINT one_number UNIQUE (shop_id, number) DEFERRABLE INITIALLY IMMEDIATE;

-- # safe: unique, by an index that is there
CREATE UNIQUE INDEX CONCURRENTLY one_number ON orders (number);
ALTER TABLE orders ADD CONSTRAINT one_number UNIQUE USING INDEX one_number NOT DEFERRABLE;

-- # safe: a primary key by an index over a column that is NOT NULL
-- given: CREATE TABLE orders (id int NOT NULL); CREATE UNIQUE INDEX orders_pk ON orders (id)
ALTER TABLE orders ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX orders_pk;

-- # unsafe: a primary key by an index over a column that may be NULL
-- given: CREATE TABLE orders (id int); CREATE UNIQUE INDEX orders_pk ON orders (id)
ALTER TABLE orders ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX orders_pk;

-- # unsafe: a primary key built in place
ALTER TABLE orders ADD PRIMARY KEY (id);

-- # unsafe: an EXCLUDE constraint
ALTER TABLE rooms ADD CONSTRAINT apart EXCLUDE USING gist (room WITH =, during WITH &&) WITH (fillfactor = 70) USING INDEX TABLESPACE fast WHERE (NOT cancelled) DEFERRABLE;

-- # unsafe: NOT NULL with a scan
ALTER TABLE orders ALTER note SET NOT NULL;

-- # safe: NOT NULL that a valid CHECK proves
-- given: CREATE TABLE orders (note text, CONSTRAINT there CHECK (note IS NOT NULL))
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT there;

-- # safe: NOT NULL that is already there
-- given: CREATE TABLE orders (note text NOT NULL)
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;

-- # safe: NOT NULL of a key
-- given: CREATE TABLE orders (id bigserial PRIMARY KEY)
ALTER TABLE orders ALTER COLUMN id SET NOT NULL;

-- # unsafe: the CHECK is not valid
-- given: CREATE TABLE orders (note text); ALTER TABLE orders ADD CONSTRAINT there CHECK (note IS NOT NULL) NOT VALID
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;

-- # unsafe: the CHECK proves nothing
-- given: CREATE TABLE orders (note text, CHECK (note IS NOT NULL OR at IS NOT NULL))
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;

-- # unsafe: the CHECK was dropped before
-- given: CREATE TABLE orders (note text, CONSTRAINT there CHECK (note IS NOT NULL))
ALTER TABLE orders DROP CONSTRAINT there;
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;

-- # unsafe, version 11: before 12 the CHECK is not looked at
-- given: CREATE TABLE orders (note text, CHECK (note IS NOT NULL))
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;

-- # safe: NOT NULL in the four steps
-- given: CREATE TABLE orders (note text)
ALTER TABLE orders ADD CONSTRAINT there CHECK (note IS NOT NULL) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT there;
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT there;

-- # safe, version 18: NOT NULL that is not valid yet
-- given: CREATE TABLE orders (note text)
ALTER TABLE orders ADD CONSTRAINT there NOT NULL note NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT there;

-- # safe: what may be NULL from now on
ALTER TABLE orders ALTER COLUMN note DROP NOT NULL;

-- # safe: indexes that are built and dropped concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS "orders_by_day" ON ONLY "shop"."orders" USING brin ((at::date), "id" int8_minmax_ops) INCLUDE (note) WITH (pages_per_range = 32) TABLESPACE fast WHERE (deleted_at IS NULL);
DROP INDEX CONCURRENTLY IF EXISTS shop.orders_old RESTRICT;
REINDEX (VERBOSE) INDEX CONCURRENTLY shop.orders_by_day;

-- # unsafe: an index built in place
CREATE UNIQUE INDEX IF NOT EXISTS orders_number ON public.orders (number) NULLS NOT DISTINCT;

-- # unsafe: an index of a materialised view
CREATE INDEX ON daily (day);

-- # unsafe: dropped in place
DROP INDEX IF EXISTS "orders_old", other;

-- # unsafe, in a transaction: concurrently within a transaction
CREATE INDEX CONCURRENTLY orders_at ON orders (at);

-- # unsafe: concurrently on a partitioned table
-- given: CREATE TABLE events (at date) PARTITION BY RANGE (at)
CREATE INDEX CONCURRENTLY events_at ON events (at);

-- # safe: the parent's index, before those of the partitions are attached
-- given: CREATE TABLE events (at date) PARTITION BY RANGE (at); CREATE TABLE events_1 PARTITION OF events DEFAULT
CREATE INDEX events_at ON ONLY events (at);
CREATE INDEX CONCURRENTLY events_1_at ON events_1 (at);
ALTER INDEX events_at ATTACH PARTITION events_1_at;

-- # unsafe: REINDEX of a schema
REINDEX SCHEMA public;

-- # safe: a longer varchar
-- given: CREATE TABLE orders (note character varying(20))
ALTER TABLE orders ALTER COLUMN note SET DATA TYPE varchar(200);

-- # unsafe: a shorter varchar
-- given: CREATE TABLE orders (note varchar(200))
ALTER TABLE orders ALTER COLUMN note TYPE character varying(20);

-- # safe: from varchar to text, with a USING that only casts
-- given: CREATE TABLE orders (note varchar(200)); CREATE INDEX ON orders (note)
ALTER TABLE "orders" ALTER COLUMN "note" TYPE text USING "note"::text;

-- # unsafe: a CHECK on the column is checked again
-- given: CREATE TABLE orders (note varchar(200) CHECK (note <> ''))
ALTER TABLE orders ALTER COLUMN note TYPE text;

-- # unsafe: a USING that computes
-- given: CREATE TABLE orders (note varchar(20))
ALTER TABLE orders ALTER COLUMN note TYPE varchar(200) USING upper(note);

-- # unsafe: from integer to bigint
-- given: CREATE TABLE orders (id serial PRIMARY KEY)
ALTER TABLE orders ALTER COLUMN id TYPE bigint;

-- # safe: the type that it has already
-- given: CREATE TABLE orders (id bigint, at timestamp with time zone, amount decimal(10,2), note character varying(20))
ALTER TABLE orders ALTER id TYPE int8, ALTER at TYPE timestamptz, ALTER amount TYPE numeric(10, 2), ALTER note TYPE varchar(20);

-- # safe: more digits before the point
-- given: CREATE TABLE orders (amount numeric(10,2))
ALTER TABLE orders ALTER amount TYPE numeric(14,2);

-- # unsafe: more digits after it
-- given: CREATE TABLE orders (amount numeric(10,2))
ALTER TABLE orders ALTER amount TYPE numeric(14,4);

-- # safe: any number of digits
-- given: CREATE TABLE orders (amount numeric(10,2))
ALTER TABLE orders ALTER amount TYPE numeric;

-- # unsafe: to a time zone
-- given: CREATE TABLE orders (at timestamp)
ALTER TABLE orders ALTER at TYPE timestamptz USING at AT TIME ZONE 'UTC';

-- # unsafe: from text to jsonb
-- given: CREATE TABLE orders (extra text)
ALTER TABLE orders ALTER extra TYPE jsonb USING extra::jsonb;

-- # safe: the type of a column of this release
ALTER TABLE orders ADD COLUMN a int;
CREATE TABLE lines (b int);
ALTER TABLE lines ALTER b TYPE bigint;

-- # safe: a value more in an enum
ALTER TYPE "shop"."mood" ADD VALUE IF NOT EXISTS 'it''s fine' BEFORE 'happy';

-- # unsafe: a value of an enum gets another name
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';

-- # unsafe: a type is dropped
DROP TYPE IF EXISTS mood;

-- # unsafe: an enum is swapped for another
CREATE TYPE mood_new AS ENUM ('a', 'b');
ALTER TABLE people ALTER COLUMN mood TYPE mood_new USING (mood::text::mood_new);
ALTER TYPE mood RENAME TO mood_old;
ALTER TYPE mood_new RENAME TO mood;
DROP TYPE mood_old;

-- # unsafe, in a transaction: a value of an enum is used where it is added
ALTER TYPE mood ADD VALUE 'calm';
UPDATE people SET mood = 'calm' WHERE id = 1;

-- # safe: a new domain and what is done to it
CREATE DOMAIN positive AS integer DEFAULT 1 CONSTRAINT above CHECK (VALUE > 0);
ALTER DOMAIN positive ADD CONSTRAINT below CHECK (VALUE < 100);

-- # safe: a domain is loosened
ALTER DOMAIN positive DROP CONSTRAINT IF EXISTS above;
ALTER DOMAIN positive DROP NOT NULL;

-- # unsafe: a domain is tightened
ALTER DOMAIN positive SET NOT NULL;

-- # unsafe: a partition goes
ALTER TABLE events DETACH PARTITION events_2020;

-- # safe: a partition that is empty and new comes
CREATE TABLE events_2030 (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
ALTER TABLE events ATTACH PARTITION events_2030 FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');

-- # unsafe: a partition with rows comes
-- given: CREATE TABLE events (at date) PARTITION BY RANGE (at); CREATE TABLE old (at date)
ALTER TABLE events ATTACH PARTITION old FOR VALUES IN ('2020-01-01');

-- # safe: settings of tables and columns
ALTER TABLE orders SET (autovacuum_vacuum_scale_factor = 0.01), RESET (fillfactor);
ALTER TABLE orders ALTER COLUMN at SET STATISTICS 500, ALTER note SET STORAGE EXTERNAL, ALTER note SET COMPRESSION lz4, ALTER id SET (n_distinct = -1);
ALTER TABLE orders OWNER TO app;
ALTER TABLE orders CLUSTER ON orders_pkey;
ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_pkey;
ALTER TABLE orders ENABLE ALWAYS TRIGGER sync;

-- # unsafe: the table is written to another place
ALTER TABLE orders SET TABLESPACE fast;

-- # unsafe: no longer logged
ALTER TABLE orders SET UNLOGGED;

-- # unsafe: the expression of a generated column
ALTER TABLE orders ALTER COLUMN total SET EXPRESSION AS (a + b);

-- # safe: the expression of a generated column is dropped
ALTER TABLE orders ALTER COLUMN total DROP EXPRESSION IF EXISTS;

-- # unsafe: the collation of a column changes, and its index is built anew
-- given: CREATE TABLE orders (note text); CREATE INDEX orders_note ON orders (note)
ALTER TABLE orders ALTER COLUMN note TYPE text COLLATE "C";

-- # safe, version 18: a foreign key that is not enforced
ALTER TABLE orders ADD CONSTRAINT to_customers FOREIGN KEY (customer_id) REFERENCES customers NOT ENFORCED;

-- # unsafe, version 15: a partitioned table takes no foreign key that is not valid
-- given: CREATE TABLE events (at date, customer_id int) PARTITION BY RANGE (at); CREATE TABLE customers (id int PRIMARY KEY)
ALTER TABLE events ADD CONSTRAINT to_customers FOREIGN KEY (customer_id) REFERENCES customers (id) NOT VALID;

-- # unsafe: a type that a view reads cannot change
-- given: CREATE TABLE orders (id int, note varchar(10)); CREATE VIEW notes AS SELECT note FROM orders
ALTER TABLE orders ALTER COLUMN note TYPE varchar(20);
