-- SQLite's json_each(text) in PostgreSQL's words, for arrays: one statement can then write any number of rows
-- in both databases: `insert into … select value ->> 'id', … from json_each($1)`.
create function json_each(doc text) returns table (key bigint, value jsonb)
language sql immutable
as $$ select position - 1, element from jsonb_array_elements(doc::jsonb) with ordinality as elements(element, position) $$;
