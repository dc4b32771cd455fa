-- Statements of payment channels, and where they and our books differ.

create table statement_row (
    tenant text not null,
    channel text not null,
    -- What the row says, hashed: the same row of a file imported again is the same row.
    fingerprint text not null,
    kind text not null check (kind in ('payment', 'refund', 'adjustment')),
    our_no text not null,
    channel_no text not null,
    reference text not null,
    currency text not null,
    amount bigint not null,
    fee bigint not null,
    at bigint not null,
    imported_at bigint not null,
    primary key (tenant, channel, fingerprint)
);
create index statement_row_by_time on statement_row (tenant, channel, at);

create table difference (
    id text primary key,
    tenant text not null references tenant (id),
    channel text not null,
    -- The same difference, found again, has the same key.
    key text not null,
    day text not null,
    reason text not null check (reason in ('MISSING_REMOTE', 'MISSING_LOCAL', 'AMOUNT', 'CURRENCY', 'FEE', 'DUPLICATE')),
    kind text not null check (kind in ('payment', 'refund', 'adjustment')),
    currency text not null,
    -- Null where a side is absent.
    expected_amount bigint,
    actual_amount bigint,
    -- Our payments and refunds, and the fingerprints of the rows.
    ours text not null,
    theirs text not null,
    assigned_to text not null,
    status text not null check (status in ('OPEN', 'IN_PROGRESS', 'RESOLVED')),
    resolution text not null,
    note text not null,
    due_at bigint not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    unique (tenant, channel, key)
);
create index difference_open on difference (tenant, due_at) where status <> 'RESOLVED';
