-- SQLite numbers the rows of every table as they are inserted; the event log needs the same here.
alter table event add column rowid bigint generated always as identity;
