-- Payments, refunds, gift cards, and what channels told us.

-- What an order got from its buyer, less what was given back; and what it gives back for goods returned.
alter table orders add column paid bigint not null default 0;
alter table orders add column returned bigint not null default 0;
-- There is no release yet whose programs would still read `unsettled`.
update orders set paid = case when state in ('CREATED', 'PENDING_PAYMENT') then 0
                              when state = 'CANCELED' then -unsettled
                              else total - unsettled end;
alter table orders drop column unsettled;

alter table order_line add column discount bigint not null default 0;
alter table order_line add column returned_qty bigint not null default 0;

-- One attempt to pay, by one method. Its id is the key under which the channel knows it; it is never deleted.
create table payment (
    id text primary key,
    tenant text not null,
    orders text not null references orders (id),
    channel text not null,
    -- The gift card that pays, '' for every other method.
    card text not null,
    state text not null check (state in ('UNPAID', 'PAYING', 'PAID', 'PARTIALLY_REFUNDED', 'REFUNDED', 'FAILED', 'CLOSED')),
    currency text not null,
    amount bigint not null check (amount > 0),
    -- On its way back, and arrived back.
    refunding bigint not null check (refunding >= 0),
    refunded bigint not null check (refunded >= 0),
    -- Captured and not earned by the order: it may have to go back.
    deposited bigint not null check (deposited >= 0),
    fee bigint not null,
    fee_returned bigint not null,
    channel_no text not null,
    pay_url text not null,
    failure text not null,
    expires_at bigint not null,
    -- When somebody has to ask the channel again; 0 where nothing is open.
    check_at bigint not null,
    checks bigint not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    check (refunding + refunded <= amount)
);
create index payment_of_order on payment (orders);
create index payment_to_check on payment (tenant, check_at) where check_at > 0;

create table refund (
    id text primary key,
    tenant text not null,
    orders text not null references orders (id),
    payment text not null references payment (id),
    state text not null check (state in ('REFUND_REQUESTED', 'REFUND_APPROVED', 'REFUND_PROCESSING', 'REFUNDED', 'REFUND_FAILED')),
    currency text not null,
    amount bigint not null check (amount > 0),
    -- The account it is taken from: what the shop earned, or what no order earned.
    source text not null,
    reason text not null,
    -- The after-sale case it belongs to, or ''.
    after_sale text not null,
    channel_no text not null,
    failure text not null,
    check_at bigint not null,
    checks bigint not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null
);
create index refund_of_order on refund (orders);
create index refund_to_check on refund (tenant, check_at) where check_at > 0;

create table after_sale (
    id text primary key,
    tenant text not null,
    orders text not null references orders (id),
    line text not null,
    kind text not null check (kind in ('refund', 'return', 'exchange', 'compensation', 'complaint')),
    qty bigint not null check (qty >= 0),
    exchange_to text not null,
    reason text not null,
    note text not null,
    status text not null check (status in ('REQUESTED', 'APPROVED', 'PROCESSING', 'DONE', 'FAILED', 'REJECTED', 'WITHDRAWN')),
    currency text not null,
    refund_amount bigint not null check (refund_amount >= 0),
    resolution text not null,
    applied_at bigint not null,
    processed_at bigint not null,
    due_at bigint not null,
    version bigint not null
);
create index after_sale_of_order on after_sale (orders);
create index after_sale_open on after_sale (tenant, due_at) where status in ('REQUESTED', 'APPROVED', 'PROCESSING', 'FAILED');

-- A gift card is worth what stands on its account in the books. Its code is money, so only a hash of it is kept.
create table gift_card (
    id text primary key,
    tenant text not null,
    code_hash text not null,
    tail text not null,
    currency text not null,
    amount bigint not null check (amount > 0),
    expires_at bigint not null,
    created_at bigint not null,
    unique (tenant, code_hash)
);

-- What channels told us, as they said it, once each.
create table inbox (
    tenant text not null,
    channel text not null,
    event_id text not null,
    body text not null,
    state text not null check (state in ('RECEIVED', 'DONE', 'REJECTED')),
    reason text not null,
    received_at bigint not null,
    primary key (tenant, channel, event_id)
);
create index inbox_received on inbox (tenant, received_at) where state = 'RECEIVED';
