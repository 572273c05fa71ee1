-- A photo and everything that was made of it; the bytes are blobs. Placed with its owner.
create table photos (
  owner_id   bigint not null,
  id         uuid not null,
  status     text not null default 'processing' check (status in ('processing', 'ready', 'failed')),
  -- For its owner: why it failed.
  reason     text,
  alt        text not null,
  edits      jsonb not null,
  -- Counts the edits. What was made for an older revision is thrown away.
  revision   integer not null default 1,
  -- Null until the picture has been painted, for a photo of the seed.
  original   text,
  -- [{ "width", "height", "format", "blob" }], of the revision that was made last.
  variants   jsonb not null default '[]',
  -- The same for one JPEG of the whole photo without edits, for choosing a crop; null when the variants show it.
  proof      jsonb,
  -- The revision of both; 0: none was made yet.
  made       integer not null default 0,
  -- What makes the revision that is wanted.
  job_id     uuid not null,
  -- Whether a post shows it, and with it everybody may see it.
  posted     boolean not null default false,
  created_at timestamptz not null,
  primary key (owner_id, id)
) with (fillfactor = 70);

-- Finds a photo by its id alone.
create index photos_by_id on photos (id);

-- Find what was left behind: see domain/photos/tidy.ts.
create index photos_unposted on photos (created_at) where not posted;
create index photos_processing on photos (created_at) where status = 'processing';

alter table posts add column photo_id uuid;
-- Makes a form that is sent twice one post; see web/pages/publish.ts.
alter table posts add column draft text;
create unique index posts_by_draft on posts (author_id, draft) where draft is not null;
