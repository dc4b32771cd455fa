select id, phase, debit, credit, currency, amount, purpose, subject, pending, reserved, expires_at, at, digest
from ledger_transfer where id > $2 and tenant || '' = $1 order by id limit $3
