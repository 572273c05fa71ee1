-- Each write raises both versions of a pair together: who has seen one may not see an older other.
create table pairs (
  id bigint primary key,
  a integer not null,
  b integer not null
);
