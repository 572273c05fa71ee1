-- A table as an app has it: placed by a key, a primary key that begins with it, a text.
create table posts (
  author_id  bigint not null,
  id         uuid not null,
  text       text not null,
  likes      integer not null default 0,
  created_at timestamptz not null default now(),
  primary key (author_id, id)
);

-- The same without any fence, for the peers. Our triggers are set on tables of the public schema only.
create schema peer;
create table peer.posts (like public.posts including all);
