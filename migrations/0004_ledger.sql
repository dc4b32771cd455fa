-- The books: accounts, transfers between them, and the seals that make a change of either visible.

-- What an account is never changes; what it holds is the sum of its transfers, kept here so that a limit can be checked
-- in the statement that moves money.
create table ledger_account (
    id text primary key,
    tenant text not null references tenant (id),
    kind text not null,
    owner text not null,
    currency text not null,
    max_side text not null check (max_side in ('none', 'debits', 'credits')),
    digest text not null,
    debits_pending bigint not null check (debits_pending >= 0),
    debits_posted bigint not null check (debits_posted >= 0),
    credits_pending bigint not null check (credits_pending >= 0),
    credits_posted bigint not null check (credits_posted >= 0),
    check (max_side <> 'debits' or debits_pending + debits_posted <= credits_posted),
    check (max_side <> 'credits' or credits_pending + credits_posted <= debits_posted),
    unique (tenant, kind, owner, currency)
);

-- Never updated, never deleted. A pending transfer is settled by another row that names it in `pending`;
-- `reserved` is then how much the pending one had set aside.
create table ledger_transfer (
    id text primary key,
    tenant text not null,
    phase text not null check (phase in ('SINGLE', 'PENDING', 'POST', 'VOID', 'EXPIRE')),
    debit text not null references ledger_account (id),
    credit text not null references ledger_account (id),
    currency text not null,
    amount bigint not null check (amount > 0),
    purpose text not null,
    subject text not null,
    pending text not null,
    reserved bigint not null,
    expires_at bigint not null,
    at bigint not null,
    digest text not null,
    check (debit <> credit),
    check ((phase in ('POST', 'VOID', 'EXPIRE')) = (pending <> '')),
    check (pending = '' or amount <= reserved)
);
-- A pending transfer ends once.
create unique index ledger_transfer_ends on ledger_transfer (pending) where pending <> '';
create index ledger_transfer_debit on ledger_transfer (debit, at);
create index ledger_transfer_credit on ledger_transfer (credit, at);
create index ledger_transfer_subject on ledger_transfer (subject);

-- Pending transfers that have not ended. Kept by triggers.
create table ledger_open (
    transfer text primary key,
    tenant text not null,
    expires_at bigint not null
);
create index ledger_open_expiry on ledger_open (tenant, expires_at) where expires_at > 0;

-- Accounts and transfers that no seal covers yet. Filled by triggers, so that no row can be forgotten.
create table ledger_unsealed (
    entry text primary key,
    tenant text not null,
    digest text not null
);
create index ledger_unsealed_tenant on ledger_unsealed (tenant);

-- The leaves of the Merkle tree, in order, and the signed roots.
create table ledger_leaf (
    tenant text not null,
    position bigint not null,
    entry text not null unique,
    digest text not null,
    primary key (tenant, position)
);

create table ledger_seal (
    tenant text not null,
    size bigint not null check (size > 0),
    -- The size under the seal before this one: a missing seal shows.
    previous bigint not null,
    root text not null,
    peaks text not null,
    key text not null,
    signature text not null,
    at bigint not null,
    primary key (tenant, size)
);
