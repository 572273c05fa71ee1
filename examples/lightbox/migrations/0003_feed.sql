-- A post reaches those who follow its author in one of two ways: an entry in each one's feed, written by a job,
-- or, for authors with very many followers, on read. See domain/reach.ts. Posts and authors that were there
-- before this migration are merged on read; defaults say so without touching a row.

-- Whether the post is merged into feeds on read and has no entries.
alter table posts add column on_read boolean not null default true;
alter table posts alter column on_read set default false;

alter table users add column reach text not null default 'former'
  check (reach in ('ordinary', 'rising', 'celebrity', 'former'));
alter table users alter column reach set default 'ordinary';

-- Whether the person followed has, or may soon have, posts that are merged on read.
alter table following add column on_read boolean not null default true;
alter table following alter column on_read set default false;
create index following_on_read on following (follower_id, followee_id) where on_read and active;

-- One row for each post in a reader's feed. It counts only while the reader follows the author.
create table feed_entries (
  reader_id bigint not null,
  post_id   uuid not null,
  author_id bigint not null,
  primary key (reader_id, post_id)
);

-- Followers in the order of their buckets: those who share one are written to in one transaction.
create index followers_by_bucket on followers
  (followee_id, ((hashint8extended(follower_id, 0) & 4095)), follower_id) where active;
