select fingerprint, kind, our_no, channel_no, reference, currency, amount, fee, at
from statement_row
where tenant = $1 and channel = $2 and at >= $3 and at < $4
order by at, fingerprint
