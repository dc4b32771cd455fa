-- Marketing rules and coupons.

-- Every version of every rule; the newest one counts. Taking a rule back adds a version that is WITHDRAWN, or the text of
-- the version before.
create table rule_version (
    tenant text not null references tenant (id),
    rule_id text not null,
    version bigint not null check (version > 0),
    state text not null check (state in ('ACTIVE', 'WITHDRAWN')),
    body text not null,
    valid_to bigint not null,
    created_at bigint not null,
    primary key (tenant, rule_id, version)
);

-- A right to a rule, for one customer or ('') for whoever has the code.
create table coupon (
    id text primary key,
    tenant text not null references tenant (id),
    code text not null,
    rule_id text not null,
    customer text not null,
    state text not null check (state in ('UNUSED', 'USED')),
    orders text not null,
    created_at bigint not null,
    used_at bigint not null,
    unique (tenant, code)
);
create index coupon_of_customer on coupon (customer, created_at) where customer <> '';
create index coupon_of_order on coupon (orders) where orders <> '';

-- Which rules made the order cheaper, by how much.
alter table orders add column discounts text not null default '[]';
