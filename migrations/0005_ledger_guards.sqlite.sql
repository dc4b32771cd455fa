-- What the books hold stays as it was written; the database itself says so.

create trigger ledger_transfer_no_update before update on ledger_transfer begin
    select raise(abort, 'a ledger row never changes: book another transfer');
end;

create trigger ledger_transfer_no_delete before delete on ledger_transfer begin
    select raise(abort, 'a ledger row never changes: book another transfer');
end;

create trigger ledger_leaf_no_update before update on ledger_leaf begin
    select raise(abort, 'a leaf of the log never changes');
end;

create trigger ledger_leaf_no_delete before delete on ledger_leaf begin
    select raise(abort, 'a leaf of the log never changes');
end;

create trigger ledger_seal_no_update before update on ledger_seal begin
    select raise(abort, 'a seal never changes');
end;

create trigger ledger_seal_no_delete before delete on ledger_seal begin
    select raise(abort, 'a seal never changes');
end;

create trigger ledger_account_no_delete before delete on ledger_account begin
    select raise(abort, 'an account is never closed by deleting it');
end;
create trigger ledger_account_no_rename before update of id, tenant, kind, owner, currency, max_side, digest on ledger_account begin
    select raise(abort, 'what an account is never changes: open another one');
end;

create trigger ledger_account_to_seal after insert on ledger_account begin
    insert into ledger_unsealed (entry, tenant, digest) values (new.id, new.tenant, new.digest);
end;
create trigger ledger_transfer_to_seal after insert on ledger_transfer begin
    insert into ledger_unsealed (entry, tenant, digest) values (new.id, new.tenant, new.digest);
end;
create trigger ledger_transfer_opens after insert on ledger_transfer when new.phase = 'PENDING' begin
    insert into ledger_open (transfer, tenant, expires_at) values (new.id, new.tenant, new.expires_at);
end;
create trigger ledger_transfer_closes after insert on ledger_transfer when new.pending <> '' begin
    delete from ledger_open where transfer = new.pending;
end;
