-- +goose Up
CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a USING gin (b, lower(c)) WHERE b IS NOT NULL;
-- +goose Down
DROP INDEX i;