-- What the books hold stays as it was written; the database itself says so.

create function ledger_stays() returns trigger language plpgsql
as $$ begin raise exception using errcode = '23000', message = tg_argv[0]; end $$;

create trigger ledger_transfer_stays before update or delete on ledger_transfer
for each row execute function ledger_stays('a ledger row never changes: book another transfer');
create trigger ledger_transfer_whole before truncate on ledger_transfer
for each statement execute function ledger_stays('a ledger row never changes: book another transfer');

create trigger ledger_leaf_stays before update or delete on ledger_leaf
for each row execute function ledger_stays('a leaf of the log never changes');
create trigger ledger_leaf_whole before truncate on ledger_leaf
for each statement execute function ledger_stays('a leaf of the log never changes');

create trigger ledger_seal_stays before update or delete on ledger_seal
for each row execute function ledger_stays('a seal never changes');
create trigger ledger_seal_whole before truncate on ledger_seal
for each statement execute function ledger_stays('a seal never changes');

create trigger ledger_account_no_delete before delete on ledger_account
for each row execute function ledger_stays('an account is never closed by deleting it');
create trigger ledger_account_no_rename before update of id, tenant, kind, owner, currency, max_side, digest on ledger_account
for each row execute function ledger_stays('what an account is never changes: open another one');

create function ledger_account_written() returns trigger language plpgsql
as $$ begin
    insert into ledger_unsealed (entry, tenant, digest) values (new.id, new.tenant, new.digest);
    return null;
end $$;
create trigger ledger_account_to_seal after insert on ledger_account
for each row execute function ledger_account_written();

create function ledger_transfer_written() returns trigger language plpgsql
as $$ begin
    insert into ledger_unsealed (entry, tenant, digest) values (new.id, new.tenant, new.digest);
    if new.phase = 'PENDING' then
        insert into ledger_open (transfer, tenant, expires_at) values (new.id, new.tenant, new.expires_at);
    elsif new.pending <> '' then
        delete from ledger_open where transfer = new.pending;
    end if;
    return null;
end $$;
create trigger ledger_transfer_to_seal after insert on ledger_transfer
for each row execute function ledger_transfer_written();
