-- What a committed transaction asks of other tiers (cache, edges): one row, written by the transaction itself,
-- deleted by the relay once every follower has it.
create table tenfold.effects (
  marker uuid primary key,
  bucket int not null,
  tag int not null,
  effects json not null,
  -- Lets the relay ask for the rows that its last snapshot cannot have shown. It then never walks over rows that
  -- are deleted and still there, as they are in millions behind a long transaction.
  xid xid8 not null default pg_current_xact_id()
);
create index effects_by_xid on tenfold.effects (xid);
