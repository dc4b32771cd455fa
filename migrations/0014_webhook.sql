-- Who outside hears of events, and what is on its way to them.

create table webhook_endpoint (
    id text primary key,
    tenant text not null references tenant (id),
    url text not null,
    -- JSON: `Order.Paid`, or `Order.*` for all about orders; [] for everything.
    events text not null,
    state text not null check (state in ('ACTIVE', 'PAUSED', 'REMOVED')),
    -- Events up to this place of the log were there before it: they are not for it.
    since bigint not null,
    -- How many events were queued for it so far.
    sequence bigint not null,
    -- Goes up with each new secret, which is derived from this and the master key.
    generation bigint not null,
    -- Until then the secret before signs, too.
    overlap_until bigint not null,
    -- In a row.
    failures bigint not null,
    -- Until then nothing is sent, because it failed too often.
    open_until bigint not null,
    created_at bigint not null,
    updated_at bigint not null
);
create index webhook_endpoint_of_tenant on webhook_endpoint (tenant, created_at);

create table webhook_delivery (
    id text primary key,
    tenant text not null,
    endpoint text not null references webhook_endpoint (id),
    event text not null references event (id),
    sequence bigint not null check (sequence > 0),
    state text not null check (state in ('PENDING', 'DELIVERED', 'DEAD')),
    attempts bigint not null,
    -- It is given up a while after this.
    queued_at bigint not null,
    -- When it is tried; while somebody tries it, when somebody else may.
    next_at bigint not null,
    -- Whose try is under way, '' for nobody's.
    claim text not null,
    -- 0 and '' where nothing went wrong yet.
    last_status bigint not null,
    last_error text not null,
    -- When it arrived or was given up; 0 while it is pending.
    settled_at bigint not null,
    unique (endpoint, sequence)
);
create index webhook_delivery_of_tenant on webhook_delivery (tenant, id);
create index webhook_delivery_due on webhook_delivery (endpoint, next_at, sequence) where state = 'PENDING';
create index webhook_delivery_under_way on webhook_delivery (tenant, endpoint) where claim <> '';
create index webhook_delivery_settled on webhook_delivery (settled_at) where settled_at > 0;
