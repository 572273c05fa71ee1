-- Objects whose history can be judged. No constraint helps the app: what goes wrong must show.
create table registers (id bigint primary key, value integer not null);
create table counters (id bigint primary key, total integer not null);
create table lists (id bigint primary key, length integer not null);
create table elements (
  list_id bigint not null,
  place integer not null,
  element text not null,
  primary key (list_id, place)
);
-- At home.
create table accounts (id text primary key, balance integer not null);
