delete from shopper_session where expires_at <= $1
