-- bluegreen:allow drop-table: nobody reads it
DROP TABLE IF EXISTS a, b CASCADE;
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $a$ BEGIN RETURN 1; END $a$;