-- What a committed transaction asks of other tiers (cache, edges): one row, written by the transaction itself,
-- deleted by the relay once every follower has it.
create table tenfold.effects (
  marker uuid primary key,
  bucket int not null,
  tag int not null,
  effects json not null
);
