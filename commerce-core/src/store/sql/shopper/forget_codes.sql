-- Kept for a day after the first of them: so long are they counted.
delete from phone_code where counted_from <= $1
