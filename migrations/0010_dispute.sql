-- Refunds that wait for a second person, and payments that buyers dispute with their banks.

-- Who asked for it, where a second person has to look at it first.
alter table refund add column asked_by text not null default '';
create index refund_requested on refund (tenant, created_at) where state = 'REFUND_REQUESTED';

-- What it does to the money is a row of refund, whose maker is the channel.
create table dispute (
    id text primary key,
    tenant text not null,
    orders text not null references orders (id),
    payment text not null references payment (id),
    refund text not null references refund (id),
    channel text not null,
    channel_no text not null,
    state text not null check (state in ('OPEN', 'ANSWERING', 'UNDER_REVIEW', 'WON', 'LOST')),
    currency text not null,
    amount bigint not null check (amount > 0),
    reason text not null,
    -- What the shop answers, '' until it has decided, and what it shows to prove it.
    answer text not null check (answer in ('', 'contest', 'accept')),
    evidence text not null,
    -- Why the channel would not take the answer.
    failure text not null,
    -- Until then the channel waits for an answer.
    due_at bigint not null,
    check_at bigint not null,
    checks bigint not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null
);
create index dispute_of_order on dispute (orders);
create index dispute_to_check on dispute (tenant, check_at) where check_at > 0;
create index dispute_open on dispute (tenant, due_at) where state in ('OPEN', 'ANSWERING', 'UNDER_REVIEW');
