-- Notes are placed by their topic: all notes of one topic lie on one shard.
create table notes (
  topic      text not null,
  id         uuid not null,
  text       text not null check (length(text) between 1 and 500),
  created_at timestamptz not null default now(),
  primary key (topic, id)
);
