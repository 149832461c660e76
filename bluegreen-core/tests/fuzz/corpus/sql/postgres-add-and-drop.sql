BEGIN;
SET lock_timeout = '2s';
ALTER TABLE "Orders" ADD COLUMN note varchar(20) DEFAULT 'it''s' NOT NULL, DROP COLUMN a;
COMMIT;