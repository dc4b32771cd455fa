-- Shoppers who sign in: how platforms know them, the codes sent to their phones, and their sessions.

create table shopper_identity (
    tenant text not null references tenant (id),
    -- `wechat`, `alipay`, `phone`, …
    provider text not null,
    -- Who they are there. For phones a hash: the number itself stands with the customer, where it can be forgotten.
    subject text not null,
    customer text not null references customer (id),
    created_at bigint not null,
    primary key (tenant, provider, subject)
);
create index shopper_identity_of_customer on shopper_identity (customer);

-- One code at a time for each phone.
create table phone_code (
    tenant text not null references tenant (id),
    phone_hash text not null,
    code_hash text not null,
    failures bigint not null,
    sent_at bigint not null,
    -- How many were sent since `counted_from`.
    sent bigint not null,
    counted_from bigint not null,
    expires_at bigint not null,
    primary key (tenant, phone_hash)
);

create table shopper_session (
    hash text primary key,
    tenant text not null,
    customer text not null references customer (id),
    -- The provider that said who they are.
    provider text not null,
    created_at bigint not null,
    expires_at bigint not null
);
create index shopper_session_of_customer on shopper_session (customer);
create index shopper_session_expiring on shopper_session (expires_at);

-- The operation log of a shop is read from its end.
create index event_of_tenant on event (tenant, at, id);
create index product_by_code on product (tenant, status, code);
