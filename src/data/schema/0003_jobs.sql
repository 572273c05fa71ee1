-- Jobs: durable messages, recorded by transactions. See jobs/DESIGN.md for states, claims and fairness.
-- state: 0 under way (in `ready`, or held by a claim), 1 delayed, 2 blocked (its owner has as many running as it may),
-- 3 held and counted against its owner's limit, 4 dead, 5 suspect (its worker vanished: it is to run alone).
-- run_at: when it may run, and from then on when it became ready.
-- fence: counts up whenever somebody who held it has to let it go; a completion takes out the row.
-- attempt: runs that ended without success. A run is known by its claim, not here.
-- claim: the one that it was handed over to by the transaction that recorded it, as long as that holds it.
create table tenfold.jobs (
  id uuid primary key,
  bucket int not null,
  tag int not null,
  name text not null,
  state smallint not null,
  priority smallint not null default 0,
  fence int not null default 0,
  due timestamptz not null,
  run_at timestamptz not null,
  created_at timestamptz not null default now(),
  attempt int not null default 0,
  attempts_max int not null,
  lost int not null default 0,
  concurrency int,
  claim bigint,
  cancel boolean not null default false,
  owner text not null,
  unique_key text,
  seen text,
  payload json not null,
  progress json,
  error text
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_threshold = 100000, autovacuum_analyze_threshold = 20000);

-- Most jobs are in none of them, ever: a claim and a completion touch the primary key alone.
create index jobs_delayed on tenfold.jobs (run_at) where state = 1;
create index jobs_held on tenfold.jobs (claim) where claim is not null;
create index jobs_aside on tenfold.jobs (state, id) where state >= 4;
create index jobs_limited on tenfold.jobs (name, owner, state, due) where concurrency is not null;
create unique index jobs_unique on tenfold.jobs (bucket, tag, name, unique_key)
  where unique_key is not null and state <> 4;

-- The queue: what may be claimed, in the order in which it is. A claim deletes its rows, which touches no index.
create table tenfold.ready (
  id uuid not null,
  due timestamptz not null,
  since timestamptz not null,
  bucket int not null,
  tag int not null,
  fence int not null,
  bytes int not null,
  rank smallint not null,
  limited boolean not null,
  owner text not null
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_threshold = 100000, autovacuum_analyze_threshold = 20000, vacuum_truncate = off);
create index ready_order on tenfold.ready (rank, due);
create index ready_since on tenfold.ready (since);
create index ready_owner on tenfold.ready (owner, due);

-- What workers hold. A job is held by a claim that lists it with the fence that it still has, or that it was handed over to (its number
-- is in the job's row). A claim stays until its worker has told how all of its jobs ended, or until its lease is over.
create table tenfold.claims (
  id bigint primary key,
  worker uuid not null,
  lease_until timestamptz not null,
  jobs uuid[] not null,
  fences int[] not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
alter table tenfold.claims alter column jobs set storage external;
create index claims_lease on tenfold.claims (lease_until);

-- Jobs as people see them.
create view tenfold.job_states as
  select j.id, j.bucket, j.tag, j.name, s.state, j.attempt + (s.state = 'running')::int as attempt, j.attempts_max, j.priority, j.owner,
    j.run_at, j.created_at, j.progress, j.error, j.payload
  from tenfold.jobs j cross join lateral (select case
      when j.state = 1 then 'delayed' when j.state = 2 then 'blocked' when j.state = 4 then 'dead'
      when j.state = 3 or (j.state = 0 and not exists (
        select from tenfold.ready r where r.owner = j.owner and r.due = j.due and r.id = j.id)) then 'running'
      else 'ready' end as state) s;

-- When each job of a schedule is put in next: by the clock here, and for which time of the schedule, by the clock of whoever
-- set it. So a time is served once, also when clocks differ or are set back.
create table tenfold.crons (
  name text primary key,
  bucket int not null,
  tag int not null,
  expression text not null,
  next_at timestamptz not null,
  serves timestamptz not null
);

-- The job that wrote the marker: it is kept as long as that job can run again.
alter table tenfold.markers add column job uuid;
create index markers_job on tenfold.markers (job) where job is not null;

create index buckets_partial on tenfold.buckets (bucket) where not owned or tags <> '{}';

-- Of these buckets, the ones that may be written here, locked as tenfold.enter does. Never waits: a bucket that is
-- being moved is left out. Many are locked by one lock (bucket -2): hundreds would fill the server's lock table and
-- cost more than the jobs. Whoever moves a bucket takes that one, too, exclusively, beside the bucket's own. The check
-- is a statement of its own, so that it sees what the lock's last holder did.
create function tenfold.open_buckets(p_buckets int[]) returns int[]
language plpgsql volatile as $$
declare
  locked int[] := p_buckets;
begin
  if cardinality(p_buckets) <= 32 or not pg_try_advisory_xact_lock_shared(1413893188, -2) then
    select array_agg(b) into locked from unnest(p_buckets) b
      where b < 0 or pg_try_advisory_xact_lock_shared(1413893188, b);
  end if;
  return array(select bucket from tenfold.buckets where bucket = any (locked) and (owned or tags <> '{}'))
    || case when -1 = any (locked) and exists (select from tenfold.cluster where home) then array[-1] end;
end $$;

-- Locks these buckets likewise, and tells whether all of them may be written here, with every key. As a rule they may, and which are
-- open is dear to find out for hundreds. So a bucket that moves away keeps its row here, not owned, until nothing of it is left.
create function tenfold.all_open(p_buckets int[]) returns boolean
language plpgsql volatile as $$
begin
  if cardinality(p_buckets) > 32 then
    if not pg_try_advisory_xact_lock_shared(1413893188, -2) then return false; end if;
  elsif exists (select from unnest(p_buckets) b where b >= 0 and not pg_try_advisory_xact_lock_shared(1413893188, b)) then
    return false;
  end if;
  return not exists (select from tenfold.buckets where not owned or tags <> '{}')
    and (not -1 = any (p_buckets) or exists (select from tenfold.cluster where home));
end $$;

-- Whether this cluster owns a job's place: matters where single keys were isolated.
create function tenfold.admits(p_bucket int, p_tag int) returns boolean
language sql stable as $$
  select case when p_bucket < 0 then exists (select from tenfold.cluster where home)
    else exists (select from tenfold.buckets where bucket = p_bucket and owned <> (p_tag = any (tags))) end
$$;

-- Puts jobs that are under way, and held by nobody, into the queue.
create function tenfold.line_up(p_ids uuid[]) returns void
language sql volatile as $$
  insert into tenfold.ready (id, due, since, bucket, tag, fence, bytes, rank, limited, owner)
    select id, due, run_at, bucket, tag, fence, octet_length(payload::text), - priority, concurrency is not null, owner
    from tenfold.jobs where id = any (p_ids) and state = 0
$$;

-- Records a job. That it is there already cannot be but by its unique key: the marker of its transaction came first.
--
-- Start-time fair queueing: an owner's job is due one second after the last of its jobs that waits, or now. So who asks
-- for ten thousand stands with all but the first behind everybody who asks for few. Only the order follows from it.
--
-- It is a function because the plan for that look has to be one for a full queue: by the statistics of a quiet moment it would
-- walk through all of it.
create function tenfold.enqueue_job(p_id uuid, p_bucket int, p_tag int, p_name text, p_priority int, p_delay_ms float8,
  p_attempts_max int, p_concurrency int, p_owner text, p_unique_key text, p_seen text, p_payload json) returns void
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  next_due timestamptz := greatest(statement_timestamp(), (select q.due + interval '1 second' from tenfold.ready q
    where q.owner = p_owner and q.due > statement_timestamp() order by q.due desc limit 1));
begin
  if p_unique_key is null then
    insert into tenfold.jobs (id, bucket, tag, name, state, priority, due, run_at, attempts_max, concurrency, owner, seen, payload)
      values (p_id, p_bucket, p_tag, p_name, case when p_delay_ms > 0 then 1 else 0 end, p_priority, next_due,
        statement_timestamp() + p_delay_ms * interval '1 ms', p_attempts_max, p_concurrency, p_owner, p_seen, p_payload);
  else
    insert into tenfold.jobs (id, bucket, tag, name, state, priority, due, run_at, attempts_max, concurrency, owner, unique_key, seen, payload)
      values (p_id, p_bucket, p_tag, p_name, case when p_delay_ms > 0 then 1 else 0 end, p_priority, next_due,
        statement_timestamp() + p_delay_ms * interval '1 ms', p_attempts_max, p_concurrency, p_owner, p_unique_key, p_seen, p_payload)
      on conflict do nothing;
    if not found then return; end if;
  end if;
  if p_delay_ms > 0 then return; end if;
  insert into tenfold.ready (id, due, since, bucket, tag, fence, bytes, rank, limited, owner)
    values (p_id, next_due, statement_timestamp(), p_bucket, p_tag, 0, octet_length(p_payload::text), - p_priority,
      p_concurrency is not null, p_owner);
end $$;

-- The same for many: rows as JSON, numbered in `n`, and apart from them their payloads, since JSON may hold what text may not
-- (NUL, lone surrogates).
create function tenfold.enqueue_jobs(p_rows json, p_payloads json[]) returns void
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  with asked as (
    select *, row_number() over (partition by owner order by n) - 1 as turn from json_to_recordset(p_rows)
      as r (n int, id uuid, bucket int, tag int, name text, priority smallint, delay_ms float8, attempts_max int,
        concurrency int, owner text, unique_key text, seen text)),
  owners as (select owner, greatest(statement_timestamp(), (select q.due + interval '1 second' from tenfold.ready q
      where q.owner = o.owner and q.due > statement_timestamp() order by q.due desc limit 1)) as first
    from (select distinct owner from asked) o),
  recorded as (
    insert into tenfold.jobs (id, bucket, tag, name, state, priority, due, run_at, attempts_max, concurrency, owner, unique_key, seen, payload)
    select id, bucket, tag, name, case when delay_ms > 0 then 1 else 0 end, priority, first + turn * interval '1 second',
      statement_timestamp() + delay_ms * interval '1 ms', attempts_max, concurrency, owner, unique_key, seen, p_payloads[n]
    from asked join owners using (owner) order by n
    on conflict do nothing
    returning id, due, run_at, bucket, tag, octet_length(payload::text) as bytes, priority, concurrency, owner, state)
  insert into tenfold.ready (id, due, since, bucket, tag, fence, bytes, rank, limited, owner)
    select id, due, run_at, bucket, tag, 0, bytes, - priority, concurrency is not null, owner from recorded where state = 0;
end $$;
