-- The platform's own tables, on every cluster. See data/DESIGN.md for the fence and the commit marker.

-- Which buckets this cluster owns, and in which epoch. `owned`: all of the bucket but the tags listed;
-- not `owned`: only the tags listed (keys that were isolated here).
create table tenfold.buckets (
  bucket int primary key check (bucket between 0 and 4095),
  owned boolean not null default true,
  tags int[] not null default '{}',
  epoch bigint not null default 1
);

-- The map of all buckets; only the home cluster's copy counts.
create table tenfold.directory (
  bucket int primary key check (bucket between 0 and 4095),
  cluster text not null,
  epoch bigint not null default 1
);
create table tenfold.directory_epoch (
  single boolean primary key default true check (single),
  epoch bigint not null
);

-- What this database is.
create table tenfold.cluster (
  single boolean primary key default true check (single),
  name text not null,
  home boolean not null
);

-- One row per write: it proves that the write committed, and holds its result.
create table tenfold.markers (
  id uuid primary key,
  bucket int not null,
  tag int not null,
  name text not null,
  key text not null,
  result text,
  resolved int not null default 0,
  created_at timestamptz not null default now(),
  keep_until timestamptz not null
) with (fillfactor = 80);
-- Rows arrive in the order of time, so a block range index finds the old ones at almost no cost per write.
create index markers_keep_until on tenfold.markers using brin (keep_until) with (pages_per_range = 16, autosummarize = on);

-- Reservations of idempotency keys: (principal, key) → the request id that all retries share.
create table tenfold.requests (
  id text primary key,
  bucket int not null,
  tag int not null,
  request_id uuid not null,
  request_hash text not null,
  created_at timestamptz not null default now(),
  keep_until timestamptz not null
);
create index requests_keep_until on tenfold.requests (keep_until);

create table tenfold.sessions (
  id text primary key,
  bucket int not null,
  tag int not null,
  principal text,
  data jsonb not null default '{}',
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  seen_at timestamptz not null default now()
);
create index sessions_principal on tenfold.sessions (principal) where principal is not null;
create index sessions_expires_at on tenfold.sessions (expires_at);

create table tenfold.limits (
  key text primary key,
  bucket int not null,
  tag int not null,
  tat timestamptz not null
) with (fillfactor = 80);
create index limits_tat on tenfold.limits using brin (tat);

-- Worker numbers for 64-bit ids; a number is held until its lease has run out.
create table tenfold.snowflake_workers (
  worker int primary key check (worker between 0 and 1023),
  holder uuid not null,
  leased_until timestamptz not null
);

-- The fence. Its statements are separate, and the function VOLATILE, so that under READ COMMITTED the check
-- sees what was committed while the lock was waited for. Elsewhere the row is locked: a change since the
-- snapshot then raises 40001, and the write runs again.
create function tenfold.enter(p_bucket int, p_tag int, p_epoch bigint) returns void
language plpgsql volatile as $$
declare
  admitted boolean;
begin
  perform pg_advisory_xact_lock_shared(1413893188, p_bucket);
  if current_setting('transaction_isolation') = 'read committed' then
    select owned <> (p_tag = any (tags)) and epoch = p_epoch into admitted
      from tenfold.buckets where bucket = p_bucket;
  else
    select owned <> (p_tag = any (tags)) and epoch = p_epoch into admitted
      from tenfold.buckets where bucket = p_bucket for share;
  end if;
  if admitted is not true then
    raise exception using errcode = 'TF001',
      message = format('Bucket %s is not open here in epoch %s', p_bucket, p_epoch);
  end if;
  perform set_config('tenfold.bucket', p_bucket::text, true);
end $$;

-- The same for tables of no key space, which live on the home cluster only.
create function tenfold.enter_home() returns void
language plpgsql volatile as $$
begin
  if not exists (select from tenfold.cluster where home) then
    raise exception using errcode = 'TF001', message = 'This is not the home cluster';
  end if;
  perform set_config('tenfold.bucket', 'home', true);
end $$;

-- What the fence's triggers call once their WHEN clauses have found a row outside. Migrations may change any row.
create function tenfold.refuse() returns trigger
language plpgsql as $$
declare
  entered text := coalesce(current_setting('tenfold.bucket', true), '');
begin
  if entered = 'migration' then
    if tg_level = 'STATEMENT' then return null; end if;
    if tg_op = 'DELETE' then return old; end if;
    return new;
  end if;
  raise exception using errcode = 'TF002',
    message = format('%s on %I.%I was refused: its key lies elsewhere or would change; the transaction has entered %s',
      tg_op, tg_table_schema, tg_table_name,
      case entered when '' then 'no bucket' when 'home' then 'the home tables' else 'bucket ' || entered end);
end $$;
