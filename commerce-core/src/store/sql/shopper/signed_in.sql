-- The token says who and where: there is no tenant to ask with yet.
select tenant, customer from shopper_session where hash = $1 and expires_at > $2
