-- Not unique: an event that is inserted twice has to show.
create table events (id text not null, at timestamptz not null default now());
create index on events (id);
