-- Rows kept from before or after a window that carry the number of something expected.
select s.fingerprint, s.kind, s.our_no, s.channel_no, s.reference, s.currency, s.amount, s.fee, s.at
from json_each($5) as named
cross join statement_row s
where s.tenant = $1 and s.channel = $2 and s.our_no = named.value ->> 'our_no' and (s.at < $3 or s.at >= $4)
union
select s.fingerprint, s.kind, s.our_no, s.channel_no, s.reference, s.currency, s.amount, s.fee, s.at
from json_each($5) as named
cross join statement_row s
where s.tenant = $1 and s.channel = $2 and s.channel_no <> '' and s.channel_no = named.value ->> 'channel_no'
  and (s.at < $3 or s.at >= $4)
