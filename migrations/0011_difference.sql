-- Differences know their fees and both currencies, and what names each other is found however far apart it is in time.

alter table difference add column expected_fee bigint not null default 0;
alter table difference add column actual_fee bigint not null default 0;
-- '' where it is the currency of our side.
alter table difference add column actual_currency text not null default '';
update difference set expected_fee = coalesce(expected_amount, 0), actual_fee = coalesce(actual_amount, 0) where reason = 'FEE';
-- What was booked for the channel's sake is booked back once a statement agrees.
create index difference_booked on difference (tenant, channel) where resolution = 'book-theirs';

create index statement_row_our_no on statement_row (tenant, channel, our_no);
create index statement_row_channel_no on statement_row (tenant, channel, channel_no);
create index payment_channel_no on payment (tenant, channel, channel_no) where channel_no <> '';
create index refund_channel_no on refund (tenant, channel_no) where channel_no <> '';
