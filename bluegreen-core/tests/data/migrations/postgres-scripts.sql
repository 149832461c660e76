-- Sessions, transactions, functions, rights and what tools write, on PostgreSQL.

-- # safe: the session is set up
SET lock_timeout = '2s'; SET LOCAL statement_timeout TO 5000; SET SESSION idle_in_transaction_session_timeout = '1min';
SET search_path TO shop, public; SET ROLE app; RESET ROLE; SET client_min_messages = warning; SET TIME ZONE 'UTC';
SELECT pg_catalog.set_config('search_path', '', false);
SELECT set_config('lock_timeout', '2s', true), pg_advisory_lock(42), pg_sleep(0.1);
START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ WRITE;
SAVEPOINT a; ROLLBACK TO SAVEPOINT a; RELEASE a;
COMMIT AND NO CHAIN;

-- # safe: functions, triggers and comments
CREATE OR REPLACE FUNCTION shop.touch(VARIADIC a int[] DEFAULT '{}') RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $body$
BEGIN
  DELETE FROM x; -- in a function; not run
  NEW.at := now();
  RETURN NEW;
END;
$body$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE OF note ON shop.orders FOR EACH ROW WHEN (NEW.note IS NOT NULL) EXECUTE PROCEDURE shop.touch();
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION touch();
COMMENT ON FUNCTION shop.touch(int[]) IS NULL;
CREATE FUNCTION plus(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE RETURN a + b;
CREATE OR REPLACE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC INSERT INTO a VALUES (1); INSERT INTO a VALUES (2); END;

-- # safe: a function that is replaced under another signature
DROP FUNCTION IF EXISTS total(int);
CREATE FUNCTION total(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT $1';

-- # unsafe: a function goes
DROP FUNCTION IF EXISTS shop.total(a int, OUT b text) CASCADE;

-- # unsafe: a trigger goes
DROP TRIGGER IF EXISTS touch ON shop.orders;

-- # safe: a trigger is made anew
DROP TRIGGER IF EXISTS touch ON orders;
CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();

-- # unsafe: a trigger is switched off
ALTER TABLE orders DISABLE TRIGGER USER;

-- # safe: rights are given, roles made
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader;
CREATE ROLE writer NOLOGIN;
ALTER ROLE writer SET statement_timeout = '5s';

-- # unsafe: rights are taken away
REVOKE ALL ON orders FROM PUBLIC;

-- # safe: rights on what is new
CREATE TABLE regions (id int);
REVOKE ALL ON TABLE regions FROM PUBLIC;
ALTER TABLE regions ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON regions FOR SELECT USING (id = 1);

-- # unsafe: row level security on a table that is used
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;

-- # unsafe: a policy goes
DROP POLICY mine ON orders;

-- # unsafe: an operator that statements use goes
DROP OPERATOR === (text, text);

-- # unsafe: a collation goes
DROP COLLATION german;

-- # unsafe: a publication goes, and with it what others replicate
DROP PUBLICATION changes;

-- # safe: extended statistics come and go
CREATE STATISTICS s (dependencies) ON a, b FROM orders;
DROP STATISTICS IF EXISTS s;

-- # safe: extensions, sequences, views
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;
CREATE SEQUENCE IF NOT EXISTS numbers AS bigint START 1 INCREMENT 1 OWNED BY NONE;
ALTER SEQUENCE numbers OWNED BY orders.number;
SELECT setval('numbers', (SELECT coalesce(max(id), 1) FROM orders));
CREATE OR REPLACE VIEW days WITH (security_barrier) AS SELECT date_trunc('day', at) AS day FROM orders WITH LOCAL CHECK OPTION;
CREATE MATERIALIZED VIEW IF NOT EXISTS daily AS SELECT at::date, count(*) FROM orders GROUP BY 1 WITH NO DATA;

-- # unsafe: a view goes
DROP VIEW IF EXISTS days;

-- # safe: a view is made anew
DROP VIEW days;
CREATE VIEW days AS SELECT 1;

-- # unsafe: a view goes with a column, and comes back without it
-- given: CREATE TABLE orders (id int, note text); CREATE VIEW days AS SELECT id, note FROM orders
DROP VIEW days;
ALTER TABLE orders DROP COLUMN note;
CREATE VIEW days AS SELECT id FROM orders;

-- # unsafe: a materialised view is filled while readers wait
REFRESH MATERIALIZED VIEW daily WITH DATA;

-- # safe: and concurrently
REFRESH MATERIALIZED VIEW CONCURRENTLY daily;

-- # unsafe: a sequence goes
DROP SEQUENCE numbers;

-- # unsafe: an extension goes
DROP EXTENSION IF EXISTS hstore CASCADE;

-- # unsafe: a table is locked
BEGIN; LOCK TABLE ONLY orders, lines IN SHARE ROW EXCLUSIVE MODE NOWAIT; COMMIT;

-- # safe: a lock that nobody who reads or writes waits for
BEGIN; LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE; COMMIT;

-- # unsafe: rows are filled while the table is locked
BEGIN;
ALTER TABLE orders ADD COLUMN region text;
UPDATE orders SET region = 'eu' WHERE id < 1000;
COMMIT;

-- # safe: each by itself
BEGIN;
ALTER TABLE orders ADD COLUMN region text;
COMMIT;
UPDATE orders SET region = 'eu' WHERE id < 1000;

-- # unsafe: rows of another table are filled while the table is locked
BEGIN;
ALTER TABLE orders ADD COLUMN region text;
INSERT INTO regions (name) SELECT DISTINCT country FROM customers;
COMMIT;

-- # safe: one row is noted while the table is locked
BEGIN;
ALTER TABLE orders ADD COLUMN region text;
INSERT INTO schema_migrations (version) VALUES ('20240101');
COMMIT;

-- # safe: the row of an applied migration is changed, as Django and Alembic do
BEGIN;
ALTER TABLE orders ADD COLUMN region text;
UPDATE alembic_version SET version_num='b2' WHERE alembic_version.version_num = 'a1';
COMMIT;

-- # unsafe: a table is rewritten while another is locked
BEGIN;
ALTER TABLE lines ADD COLUMN a int;
ALTER TABLE orders ALTER COLUMN id TYPE bigint;
COMMIT;

-- # unsafe, in a transaction: VACUUM
VACUUM (ANALYZE) orders;

-- # safe: maintenance that does not block
VACUUM (ANALYZE) orders; ANALYZE VERBOSE orders (note); CHECKPOINT;

-- # unsafe: maintenance that does
VACUUM FULL VERBOSE orders;

-- # unsafe: a table is sorted anew
CLUSTER VERBOSE orders USING orders_at;

-- # unknown: a block with SQL that is made while it runs
DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables LOOP EXECUTE format('DROP TABLE %I', t); END LOOP; END $$;

-- # safe: a block whose statements are seen
DO $do$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'mood') THEN
    CREATE TYPE mood AS ENUM ('a', 'b');
  END IF;
EXCEPTION WHEN duplicate_object THEN NULL;
END
$do$;

-- # unsafe: a block whose statement breaks the old release
DO $$ BEGIN
  ALTER TABLE orders DROP COLUMN note;
EXCEPTION WHEN undefined_column THEN RAISE NOTICE 'gone';
END $$;

-- # unknown: a procedure
CALL fill_orders(1000);

-- # unknown: a function of one's own
SELECT fill_orders(1000);

-- # unsafe: what follows a part that is not understood is seen all the same
FROBNICATE orders;
DROP TABLE lines;

-- # safe: Django
BEGIN;
--
-- Add field region to order
--
ALTER TABLE "shop_order" ADD COLUMN "region" varchar(10) NULL;
--
-- Create model Line
--
CREATE TABLE "shop_line" ("id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, "order_id" bigint NOT NULL, "at" timestamp with time zone NOT NULL);
ALTER TABLE "shop_line" ADD CONSTRAINT "shop_line_order_id_1_fk_shop_order_id" FOREIGN KEY ("order_id") REFERENCES "shop_order" ("id") DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX "shop_line_order_id_1" ON "shop_line" ("order_id");
COMMIT;

-- # unsafe: Django adds a foreign key
BEGIN;
ALTER TABLE "shop_order" ADD COLUMN "customer_id" bigint NULL CONSTRAINT "shop_order_customer_id_1_fk" REFERENCES "shop_customer"("id") DEFERRABLE INITIALLY DEFERRED; SET CONSTRAINTS "shop_order_customer_id_1_fk" IMMEDIATE;
CREATE INDEX "shop_order_customer_id_1" ON "shop_order" ("customer_id");
COMMIT;

-- # unsafe: Django adds a field with a default
BEGIN;
ALTER TABLE "shop_order" ADD COLUMN "open" boolean DEFAULT true NOT NULL;
ALTER TABLE "shop_order" ALTER COLUMN "open" DROP DEFAULT;
COMMIT;

-- # safe: Rails
ALTER TABLE "orders" ADD "region" character varying DEFAULT 'eu' NOT NULL /*application:Shop*/;
CREATE INDEX CONCURRENTLY "index_orders_on_region" ON "orders" ("region");
INSERT INTO "schema_migrations" (version) VALUES ('20240101000000') RETURNING "version";

-- # safe: Alembic
BEGIN;
-- Running upgrade a1 -> b2
ALTER TABLE orders ADD COLUMN region VARCHAR(10);
COMMENT ON COLUMN orders.region IS 'where';
UPDATE alembic_version SET version_num='b2' WHERE alembic_version.version_num = 'a1';
COMMIT;

-- # unsafe: Alembic makes an index
BEGIN;
CREATE INDEX ix_orders_region ON orders (region);
UPDATE alembic_version SET version_num='b2' WHERE alembic_version.version_num = 'a1';
COMMIT;

-- # safe: Prisma makes tables
-- CreateEnum
CREATE TYPE "Role" AS ENUM ('USER', 'ADMIN');

-- CreateTable
CREATE TABLE "User" (
    "id" TEXT NOT NULL,
    "role" "Role" NOT NULL DEFAULT 'USER',
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "data" JSONB[],
    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "User_id_role_key" ON "User"("id", "role" DESC);

-- AddForeignKey
ALTER TABLE "User" ADD CONSTRAINT "User_id_fkey" FOREIGN KEY ("id") REFERENCES "Team"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- # unsafe: Prisma drops and adds a required column
-- AlterTable
ALTER TABLE "User" DROP COLUMN "name",
ADD COLUMN     "fullName" TEXT NOT NULL;

-- # unsafe: Prisma swaps an enum
-- AlterEnum
BEGIN;
CREATE TYPE "Role_new" AS ENUM ('USER');
ALTER TABLE "User" ALTER COLUMN "role" TYPE "Role_new" USING ("role"::text::"Role_new");
ALTER TYPE "Role" RENAME TO "Role_old";
ALTER TYPE "Role_new" RENAME TO "Role";
DROP TYPE "Role_old";
COMMIT;

-- # safe: TypeORM
CREATE TABLE "photo" ("id" uuid NOT NULL DEFAULT uuid_generate_v4(), "name" character varying NOT NULL, "at" TIMESTAMP NOT NULL DEFAULT now(), CONSTRAINT "PK_1" PRIMARY KEY ("id"));
ALTER TABLE "photo" ADD CONSTRAINT "FK_1" FOREIGN KEY ("id") REFERENCES "user"("id") ON DELETE NO ACTION ON UPDATE NO ACTION;

-- # unsafe: TypeORM changes a type by dropping
ALTER TABLE "photo" DROP COLUMN "name";
ALTER TABLE "photo" ADD "name" character varying(100) NOT NULL;

-- # safe: EF Core
CREATE TABLE IF NOT EXISTS "__EFMigrationsHistory" ("MigrationId" character varying(150) NOT NULL, "ProductVersion" character varying(32) NOT NULL, CONSTRAINT "PK___EFMigrationsHistory" PRIMARY KEY ("MigrationId"));
START TRANSACTION;
ALTER TABLE "Blogs" ADD "Url" text;
INSERT INTO "__EFMigrationsHistory" ("MigrationId", "ProductVersion") VALUES ('20240101_Init', '8.0.0');
COMMIT;

-- # unsafe: EF Core, with a block around each statement
DO $EF$
BEGIN
    IF NOT EXISTS(SELECT 1 FROM "__EFMigrationsHistory" WHERE "MigrationId" = '20240101_Init') THEN
    ALTER TABLE "Blogs" RENAME COLUMN "Url" TO "Link";
    END IF;
END $EF$;

-- # safe: Hibernate
create table orders (id bigint generated by default as identity, at timestamp(6) with time zone, primary key (id));
alter table if exists lines add column region varchar(255);

-- # unsafe: Hibernate
alter table if exists orders drop constraint if exists UK_1;
alter table if exists orders add constraint UK_1 unique (number);

-- # safe: Flyway with placeholders that were filled in, and a long comment
/* V2__regions.sql /* nested */ by hand */
CREATE TABLE ${schema}.regions (id int);

-- # safe: golang-migrate, without a semicolon at the end
ALTER TABLE orders ADD COLUMN region text

-- # safe: goose
-- +goose Up
ALTER TABLE orders ADD COLUMN region text;
-- +goose Down
ALTER TABLE orders DROP COLUMN region;

-- # unsafe: dbmate wraps in a transaction
-- migrate:up
CREATE INDEX CONCURRENTLY i ON orders (at);
-- migrate:down
DROP INDEX i;

-- # safe: dbmate without one
-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY i ON orders (at);
-- migrate:down
DROP INDEX i;

-- # safe: psql
\set ON_ERROR_STOP on
\connect shop
ALTER TABLE orders ADD COLUMN region text;
\echo done

-- # unknown: a quote that is not closed
INSERT INTO a VALUES ('x;

-- # safe: names in capitals, in quotes and with other letters
ALTER TABLE "Größe"."Straße" ADD COLUMN "naïve" int;
ALTER TABLE straße ADD COLUMN größe int;
