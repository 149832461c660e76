UPDATE a SET b = (SELECT max(c) FROM d WHERE d.id = a.id) WHERE b IS NULL;
WITH x AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM x;
COPY a (b) FROM stdin;
1	2
\.
\i more.sql
