-- Who has which handle. Placed by the handle, so that one shard decides who gets it.
create table handles (
  handle      text primary key,
  user_id     bigint not null,
  state       text not null default 'reserved' check (state in ('reserved', 'confirmed')),
  reserved_at timestamptz not null default now()
);

-- Everything below is placed by a person's id, and every primary key begins with it.

-- One row per sign-up that was decided: without a hash, it was abandoned and the id is void.
create table credentials (
  user_id       bigint primary key,
  password_hash text
);

create table users (
  id              bigint primary key,
  handle          text not null,
  first_name      text not null,
  last_name       text not null,
  street_address  text,
  city            text,
  state           text,
  postal_code     text,
  phone_numbers   text[] not null default '{}',
  post_count      integer not null default 0,
  follower_count  integer not null default 0,
  following_count integer not null default 0,
  created_at      timestamptz not null default now(),
  check (num_nulls(street_address, city, state, postal_code) in (0, 4))
) with (fillfactor = 90);

-- Finds the newest members of a whole cluster for the home page.
create index users_newest on users (created_at desc, id);

create table posts (
  author_id  bigint not null,
  id         uuid not null,
  text       text not null,
  likes      integer not null default 0,
  created_at timestamptz not null,
  primary key (author_id, id)
) with (fillfactor = 90);

-- Finds a post by its id alone, and the newest posts of a whole cluster (ids are ordered by time).
create index posts_by_id on posts (id);

create table post_likes (
  author_id bigint not null,
  post_id   uuid not null,
  liker_id  bigint not null,
  liked_at  timestamptz not null default now(),
  primary key (author_id, post_id, liker_id)
);

-- A follow is one row with its follower and one with the person followed. `version` counts the changes of
-- the pair in the first and is copied to the second, which never goes back: see domain/follows.ts.
create table following (
  follower_id bigint not null,
  followee_id bigint not null,
  active      boolean not null,
  version     integer not null,
  changed_at  timestamptz not null default now(),
  primary key (follower_id, followee_id)
);

create table followers (
  followee_id bigint not null,
  follower_id bigint not null,
  active      boolean not null,
  version     integer not null,
  changed_at  timestamptz not null default now(),
  primary key (followee_id, follower_id)
);
