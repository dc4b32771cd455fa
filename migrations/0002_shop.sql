-- Tenants, goods, stock, customers, orders.

create table tenant (
    id text primary key,
    code text not null unique,
    name text not null,
    currency text not null,
    settings text not null,
    created_at bigint not null
);

-- Goods ---------------------------------------------------------------------------------------------------------------

create table category (
    id text primary key,
    tenant text not null references tenant (id),
    code text not null,
    parent text,
    name text not null,
    name_en text not null,
    position bigint not null,
    unique (tenant, code)
);

create table product (
    id text primary key,
    tenant text not null references tenant (id),
    code text not null,
    kind text not null check (kind in ('physical', 'virtual')),
    title text not null,
    title_en text not null,
    category text,
    status text not null check (status in ('draft', 'active', 'closed')),
    description text not null,
    description_en text not null,
    attributes text not null,
    media text not null,
    version bigint not null,
    updated_at bigint not null,
    unique (tenant, code)
);

create table sku (
    id text primary key,
    tenant text not null references tenant (id),
    product text not null references product (id),
    code text not null,
    options text not null,
    barcode text not null,
    weight_g bigint not null check (weight_g >= 0),
    pack_size bigint not null check (pack_size > 0),
    list_price bigint not null check (list_price >= 0),
    cost bigint not null check (cost >= 0),
    floor_price bigint not null check (floor_price >= 0 and floor_price <= list_price),
    low_stock bigint not null check (low_stock >= 0),
    status text not null check (status in ('active', 'closed')),
    -- 1 while the shop knows that it runs low, so that it is said once.
    is_low bigint not null default 0,
    unique (tenant, code)
);
create index sku_of_product on sku (product);

-- A bundle has parts and no stock of its own.
create table sku_part (
    bundle text not null references sku (id),
    part text not null references sku (id),
    tenant text not null,
    qty bigint not null check (qty > 0),
    primary key (bundle, part)
);

create table activity (
    id text primary key,
    tenant text not null references tenant (id),
    code text not null,
    name text not null,
    starts_at bigint not null,
    ends_at bigint not null,
    -- 1 once what was set aside for it went back to the pool.
    is_settled bigint not null default 0,
    unique (tenant, code)
);

-- A price other than the list price: for a channel, a member level or an activity (`selector` says which one).
create table price (
    id text primary key,
    tenant text not null references tenant (id),
    sku text not null references sku (id),
    kind text not null check (kind in ('channel', 'member', 'activity')),
    selector text not null,
    amount bigint not null check (amount >= 0),
    valid_from bigint not null,
    valid_to bigint not null,
    check (valid_from < valid_to),
    unique (sku, kind, selector, valid_from)
);

create table batch (
    id text primary key,
    tenant text not null references tenant (id),
    sku text not null references sku (id),
    code text not null,
    harvest_year bigint not null,
    processing_date text not null,
    best_before bigint not null,
    farmer_id text not null,
    farm_plot_id text not null,
    irrigation_source text not null,
    pesticide_report_id text not null,
    quality_grade text not null,
    inspection_report_url text not null,
    trace_record_id text not null,
    total_qty bigint not null check (total_qty >= 0),
    unique (tenant, code)
);

-- Stock ---------------------------------------------------------------------------------------------------------------

create table warehouse (
    id text primary key,
    tenant text not null references tenant (id),
    code text not null,
    name text not null,
    region text not null,
    -- The lower, the sooner it is asked to ship.
    rank bigint not null,
    unique (tenant, code)
);

-- One pile of one SKU: in one warehouse, of one batch ('' for goods without batches). The pool is all of them.
create table stock (
    id text primary key,
    tenant text not null references tenant (id),
    sku text not null references sku (id),
    warehouse text not null references warehouse (id),
    batch text not null,
    on_hand bigint not null,
    reserved bigint not null,
    received_at bigint not null,
    check (0 <= reserved and reserved <= on_hand),
    unique (sku, warehouse, batch)
);

-- What an activity has set aside. It is part of `stock.reserved` until somebody buys it or the activity ends.
create table allotment (
    activity text not null references activity (id),
    stock text not null references stock (id),
    tenant text not null,
    remaining bigint not null check (remaining >= 0),
    primary key (activity, stock)
);

create index allotment_of_stock on allotment (stock);

-- The stock journal: append-only, and the only record of who holds what. `owner` is the order or activity
-- whose reservation moves; the sum of `reserved` per owner and pile is what that owner still holds.
create table inventory_tx (
    id text primary key,
    tenant text not null,
    stock text not null,
    kind text not null,
    owner text not null,
    line text not null,
    on_hand bigint not null,
    reserved bigint not null,
    at bigint not null
);
create index inventory_tx_of_owner on inventory_tx (owner);
-- What came and went. Reservations are found by their owner; indexing them here would cost every order a page per pile.
create index inventory_tx_of_stock on inventory_tx (stock, at) where on_hand <> 0;

-- Customers -----------------------------------------------------------------------------------------------------------

create table customer (
    id text primary key,
    tenant text not null references tenant (id),
    code text not null,
    name text not null,
    phone text not null,
    email text not null,
    level text not null check (level in ('regular', 'silver', 'gold', 'diamond')),
    tags text not null,
    created_at bigint not null,
    unique (tenant, code)
);
create index customer_by_phone on customer (tenant, phone);

create table address (
    id text primary key,
    tenant text not null,
    customer text not null references customer (id),
    name text not null,
    phone text not null,
    province text not null,
    city text not null,
    district text not null,
    street text not null,
    is_default bigint not null
);
create index address_of_customer on address (customer);

create table cart_line (
    tenant text not null,
    customer text not null references customer (id),
    sku text not null references sku (id),
    activity text not null,
    qty bigint not null check (qty > 0),
    added_at bigint not null,
    primary key (customer, sku, activity)
);

-- Orders --------------------------------------------------------------------------------------------------------------

-- Order numbers are handed out in blocks, so that placing an order never waits for a counter.
create table order_number (
    tenant text not null,
    day text not null,
    last bigint not null,
    primary key (tenant, day)
);

create table orders (
    id text primary key,
    tenant text not null,
    order_no text not null,
    customer text not null,
    channel text not null,
    state text not null,
    hold text not null check (hold in ('NONE', 'HELD', 'CONSUMED', 'EXPIRED', 'RELEASED')),
    hold_until bigint not null,
    pay_until bigint not null,
    currency text not null,
    goods bigint not null,
    discount bigint not null,
    freight bigint not null,
    tax bigint not null,
    total bigint not null check (total >= 0),
    -- What changes after payment left to settle: above zero the shopper owes it, below zero the shop does.
    unsettled bigint not null,
    weight_g bigint not null,
    recipient text not null,
    phone text not null,
    province text not null,
    city text not null,
    district text not null,
    street text not null,
    invoice text not null,
    remark text not null,
    metadata text not null,
    cancel_reason text not null,
    version bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    unique (tenant, order_no)
);
create index orders_by_time on orders (tenant, created_at, id);
create index orders_of_customer on orders (customer, created_at);
create index orders_holding on orders (tenant, hold_until) where hold = 'HELD';
create index orders_unpaid on orders (tenant, pay_until) where state in ('CREATED', 'PENDING_PAYMENT');
create index orders_to_ship on orders (tenant, created_at) where state in ('PAID', 'ALLOCATED');

create table order_line (
    id text primary key,
    orders text not null references orders (id),
    tenant text not null,
    position bigint not null,
    sku text not null,
    product text not null,
    kind text not null,
    sku_code text not null,
    title text not null,
    options text not null,
    qty bigint not null check (qty > 0),
    unit_price bigint not null,
    price_rule text not null,
    amount bigint not null,
    tax bigint not null,
    weight_g bigint not null,
    activity text not null,
    batch text not null
);
create index order_line_of_order on order_line (orders);

-- A parcel is what leaves a warehouse at once: part of one order, or several orders that were merged.
create table parcel (
    id text primary key,
    tenant text not null,
    warehouse text not null,
    state text not null check (state in ('PLANNED', 'SHIPPED', 'DELIVERED', 'CANCELED')),
    carrier text not null,
    tracking_no text not null,
    created_at bigint not null,
    updated_at bigint not null
);

create table parcel_item (
    parcel text not null references parcel (id),
    tenant text not null,
    orders text not null references orders (id),
    line text not null references order_line (id),
    stock text not null,
    qty bigint not null check (qty > 0),
    primary key (parcel, line, stock)
);
create index parcel_item_of_order on parcel_item (orders);

-- Split and merge: the shop proposes, an operator decides.
create table proposal (
    id text primary key,
    tenant text not null,
    kind text not null check (kind in ('split', 'merge')),
    orders text not null,
    reason text not null,
    plan text not null,
    state text not null check (state in ('OPEN', 'ACCEPTED', 'DECLINED', 'STALE')),
    created_at bigint not null,
    unique (tenant, kind, orders, reason)
);

-- Requests and events ---------------------------------------------------------------------------------------------------

-- The reply to a request, kept in the same commit as its effect: asked again, the shop answers the same.
create table idempotency (
    tenant text not null,
    scope text not null,
    key text not null,
    request_hash text not null,
    reply text not null,
    created_at bigint not null,
    primary key (tenant, scope, key)
);

-- What happened. `position` is given after the commit, in commit order, by whoever reads first (store/event.rs says why).
create table event (
    id text primary key,
    tenant text not null,
    name text not null,
    version bigint not null,
    subject text not null,
    subject_version bigint not null,
    correlation_id text not null,
    payload text not null,
    at bigint not null,
    position bigint unique
);
create index event_of_subject on event (subject);
create index event_unplaced on event (position) where position is null;

create table event_head (
    id bigint primary key,
    position bigint not null
);
insert into event_head (id, position) values (1, 0);

create table consumer (
    name text primary key,
    position bigint not null
);
create index parcel_planned on parcel (tenant) where state = 'PLANNED';
