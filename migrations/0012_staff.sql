-- The shop's people, how they prove who they are, and what they did.

-- Who did it: `staff:li`, `shopper:cus_…`, `system`.
alter table event add column actor text not null default '';

create table staff (
    id text primary key,
    tenant text not null references tenant (id),
    login text not null,
    name text not null,
    role text not null,
    state text not null check (state in ('ACTIVE', 'DISMISSED')),
    -- Argon2id, with its salt and cost.
    password text not null,
    -- Goes up with each second factor that is begun or dropped; its secret is derived from this and the master key.
    factor bigint not null,
    is_factor_confirmed bigint not null,
    -- The last step of the clock whose code was used: no code counts twice.
    factor_step bigint not null,
    failures bigint not null,
    locked_until bigint not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    unique (tenant, login)
);

-- Of what a client shows to prove that it signed in, only a hash is kept.
create table session (
    hash text primary key,
    tenant text not null,
    staff text not null references staff (id),
    created_at bigint not null,
    expires_at bigint not null
);
create index session_of_staff on session (staff);
create index session_expiring on session (expires_at);

create table api_key (
    id text primary key,
    tenant text not null references tenant (id),
    name text not null,
    hash text not null unique,
    -- The last letters, so that people know which one it is.
    tail text not null,
    permissions text not null,
    made_by text not null,
    created_at bigint not null,
    expires_at bigint not null,
    -- 0 while it is good.
    revoked_at bigint not null
);
create index api_key_of_tenant on api_key (tenant, created_at);
