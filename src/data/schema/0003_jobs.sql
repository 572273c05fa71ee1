-- Jobs: durable messages, recorded by transactions. See jobs/DESIGN.md for states, fence and fairness.
-- states: 0 ready, 1 delayed, 2 blocked (its owner has as many running as it may), 3 running, 4 dead
-- run_at: when it may run, and from then on when it became ready.
create table tenfold.jobs (
  id uuid primary key,
  bucket int not null,
  tag int not null,
  name text not null,
  state smallint not null,
  priority smallint not null default 0,
  due timestamptz not null,
  run_at timestamptz not null,
  created_at timestamptz not null default now(),
  attempt int not null default 0,
  attempts_max int not null,
  lost int not null default 0,
  concurrency int,
  fence bigint,
  lease_until timestamptz,
  worker uuid,
  cancel boolean not null default false,
  owner text not null,
  unique_key text,
  seen text,
  payload json not null,
  progress json,
  error text
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_threshold = 100000, autovacuum_analyze_threshold = 20000);

-- A job is in few of them at a time: each costs only what is in it. Only a running job has a fence; statements that
-- compare it do not name the state, or they might be planned over jobs_running by statistics of a quiet moment.
create index jobs_ready on tenfold.jobs ((- priority), due) where state = 0 and lost = 0;
create index jobs_arrived on tenfold.jobs (run_at) where state = 0 and lost = 0;
create index jobs_suspect on tenfold.jobs (due) where state = 0 and lost > 0;
create index jobs_owner on tenfold.jobs (owner, due) where state = 0;
create index jobs_delayed on tenfold.jobs (run_at) where state = 1;
create index jobs_blocked on tenfold.jobs (name, owner, due) where state = 2;
create index jobs_running on tenfold.jobs (lease_until) where state = 3;
create index jobs_limited on tenfold.jobs (name, owner) where state = 3 and concurrency is not null;
create index jobs_dead on tenfold.jobs (id) where state = 4;
create unique index jobs_unique on tenfold.jobs (bucket, tag, name, unique_key)
  where unique_key is not null and state <> 4;

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

create index buckets_tagged on tenfold.buckets (bucket) where tags <> '{}';

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

-- Whether this cluster owns a job's place: matters where single keys were isolated.
create function tenfold.admits(p_bucket int, p_tag int) returns boolean
language sql stable as $$
  select case when p_bucket < 0 then exists (select from tenfold.cluster where home)
    else exists (select from tenfold.buckets where bucket = p_bucket and owned <> (p_tag = any (tags))) end
$$;

-- Lets blocked jobs go on: as many of each (name, owner) as its limit leaves room for. The lock is the one under
-- which a claim counts and parks, and it is held to the end of the transaction: of a claim and a completion at the
-- same time, the later one sees what the earlier did.
create function tenfold.unblock_jobs(p_names text[], p_owners text[]) returns int
language plpgsql volatile set enable_seqscan = off as $$
declare
  released int := 0;
  part int;
  pair record;
begin
  perform pg_advisory_xact_lock(1413893189, k)
    from (select distinct hashtext(n || ' ' || o) as k from unnest(p_names, p_owners) p (n, o) order by k) keys;
  for pair in select distinct n, o from unnest(p_names, p_owners) p (n, o) loop
    with next as (
      select j.id, j.concurrency,
        row_number() over (order by j.priority desc, j.due, j.id)
          + (select count(*) from tenfold.jobs r where r.name = pair.n and r.owner = pair.o and r.state = 3 and r.concurrency is not null) as place
      from tenfold.jobs j where j.name = pair.n and j.owner = pair.o and j.state = 2
      order by j.priority desc, j.due, j.id limit 100)
    update tenfold.jobs j set state = 0, run_at = statement_timestamp() from next where j.id = next.id and next.place <= next.concurrency;
    get diagnostics part = row_count;
    released := released + part;
  end loop;
  return released;
end $$;

-- What becomes of jobs whose worker vanished. The attempt was counted when they were claimed.
create function tenfold.lose_jobs(p_ids uuid[], p_buckets int[]) returns int
language plpgsql volatile set enable_seqscan = off as $$
declare
  opened int[] := tenfold.open_buckets(p_buckets);
  names text[];
  owners text[];
  changed int;
begin
  with gone as (
    delete from tenfold.jobs where id = any (p_ids) and state = 3 and cancel
      and bucket = any (opened) and tenfold.admits(bucket, tag)
    returning name, owner, concurrency, 0 as kept),
  lost as (
    update tenfold.jobs set
      state = case when attempt >= attempts_max then 4 when attempt <= 1 then 0 else 1 end,
      lost = jobs.lost + 1, fence = null, lease_until = null, worker = null, due = statement_timestamp(),
      run_at = statement_timestamp() + case when attempt <= 1 then interval '0'
        else random() * least(900, 2 ^ least(attempt - 1, 20)) * interval '1 second' end,
      error = format('The worker vanished during attempt %s of %s.', attempt, attempts_max)
    where id = any (p_ids) and state = 3 and not cancel and bucket = any (opened) and tenfold.admits(bucket, tag)
    returning name, owner, concurrency, 1 as kept),
  ended as (select * from gone union all select * from lost)
  select coalesce(sum(kept), 0), array_agg(name) filter (where concurrency is not null), array_agg(owner) filter (where concurrency is not null)
    into changed, names, owners from ended;
  if names is not null then perform tenfold.unblock_jobs(names, owners); end if;
  return changed;
end $$;

-- Brings up what has become due: expired leases (and, at the start of a sole worker, whatever others hold), delayed
-- jobs. Tells milliseconds until the next delayed job, whether a suspect waits, and how many were lost.
create function tenfold.tend_jobs(p_max int, p_sole uuid, out next_ms float8, out suspects boolean, out lost int)
language plpgsql volatile set enable_seqscan = off as $$
declare
  ids uuid[];
  places int[];
  opened int[];
  tagged boolean := exists (select from tenfold.buckets where tags <> '{}');
  -- As in a claim: rows of a bucket that has moved away must not stand in the way of the others.
  picky boolean := false;
  ends timestamptz := case when p_sole is null then statement_timestamp() else 'infinity' end;
begin
  lost := 0;
  loop
    select array_agg(id), array_agg(distinct bucket) into ids, places from (
      select id, bucket from tenfold.jobs where state = 3 and lease_until < ends
          and (p_sole is null or worker is distinct from p_sole) and (not picky or tenfold.admits(bucket, tag))
        order by lease_until limit p_max for update skip locked) held;
    exit when ids is null or picky or (cardinality(tenfold.open_buckets(places)) = cardinality(places) and not tagged);
    picky := true;
  end loop;
  if ids is not null then lost := tenfold.lose_jobs(ids, places); end if;

  picky := false;
  loop
    select array_agg(id), array_agg(distinct bucket) into ids, places from (
      select id, bucket from tenfold.jobs where state = 1 and run_at <= statement_timestamp()
          and (not picky or tenfold.admits(bucket, tag))
        order by run_at limit p_max for update skip locked) risen;
    exit when ids is null;
    opened := tenfold.open_buckets(places);
    exit when picky or (cardinality(opened) = cardinality(places) and not tagged);
    picky := true;
  end loop;
  if ids is not null then
    with risen as (
      select id, owner, row_number() over (partition by owner order by run_at, id) - 1 as turn
        from tenfold.jobs where id = any (ids) and bucket = any (opened) and tenfold.admits(bucket, tag)),
    owners as (
      select owner, greatest(statement_timestamp(), (select q.due + interval '1 second' from tenfold.jobs q
          where q.owner = o.owner and q.state = 0 and q.due > statement_timestamp() order by q.due desc limit 1)) as first
        from (select distinct owner from risen) o)
    update tenfold.jobs j set state = 0, run_at = statement_timestamp(), due = first + turn * interval '1 second'
      from risen join owners using (owner) where j.id = risen.id;
  end if;
  if cardinality(ids) = p_max then next_ms := 0;
  else
    select extract(epoch from run_at - statement_timestamp()) * 1000 into next_ms
      from tenfold.jobs where state = 1 and run_at > statement_timestamp() order by run_at limit 1;
  end if;
  suspects := exists (select from tenfold.jobs where state = 0 and jobs.lost > 0 and tenfold.admits(bucket, tag));
end $$;

-- Takes up to p_max ready jobs: sets a lease and the fence, counts the attempt. With p_alone exactly one, of those
-- whose worker vanished before. Payloads of more than p_bytes are taken one by one. The last row is none: it tells in `attempt`
-- how many were looked at, in `attempts_max` the bytes of their payloads, and in `bucket` and `seen` the place of the last of
-- them in the order.
--
-- Without p_window it looks from the beginning of the order. That passes the index entries of all that was claimed since
-- the oldest snapshot: under a transaction of an hour, everything of that hour. With p_window it looks at what became ready
-- within so many milliseconds, as far as it goes before a place before which all was taken, then from that place on: many
-- may be in the same (p_due null: nothing is left beyond).
create function tenfold.claim_jobs(p_worker uuid, p_fence bigint, p_max int, p_lease_ms int, p_alone boolean, p_bytes int,
  p_window float8 default null, p_rank int default null, p_due timestamptz default null)
returns table (id uuid, name text, bucket int, tag int, attempt int, attempts_max int, payload json, seen text)
language plpgsql volatile set enable_seqscan = off set enable_sort = off set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
  rows tid[];
  places int[];
  opened int[];
  limited boolean;
  bytes bigint;
  tagged boolean := exists (select from tenfold.buckets where tags <> '{}');
  picky boolean := false;
  keys int[];
  picked int;
  last_rank int;
  last_due timestamptz;
  more record;
begin
  loop
    if p_alone then
      select array_agg(c.ctid) as rows, array_agg(distinct c.bucket) as places, bool_or(c.concurrency is not null) as limited,
          array_agg(c.rank) as ranks, array_agg(c.due) as dues, sum(c.bytes) as bytes into more
        from (select j.ctid, j.bucket, pg_column_size(j.payload) as bytes, j.concurrency, 0::smallint as rank, j.due from tenfold.jobs j where j.state = 0 and j.lost > 0
              and (not picky or tenfold.admits(j.bucket, j.tag))
              order by j.due limit 1 for update skip locked) c;
    elsif p_window is null then
      select array_agg(c.ctid) as rows, array_agg(distinct c.bucket) as places, bool_or(c.concurrency is not null) as limited,
          array_agg(c.rank) as ranks, array_agg(c.due) as dues, sum(c.bytes) as bytes into more
        from (select j.ctid, j.bucket, pg_column_size(j.payload) as bytes, j.concurrency, (- j.priority) as rank, j.due from tenfold.jobs j
              where j.state = 0 and j.lost = 0 and (not picky or tenfold.admits(j.bucket, j.tag))
              order by (- j.priority), j.due limit p_max for update skip locked) c;
    else
      select array_agg(c.ctid order by c.rank, c.due) as rows, array_agg(distinct c.bucket) as places,
          bool_or(c.concurrency is not null) as limited,
          array_agg(c.rank order by c.rank, c.due) as ranks, array_agg(c.due order by c.rank, c.due) as dues,
          sum(c.bytes) as bytes into more
        from (select j.ctid, j.bucket, pg_column_size(j.payload) as bytes, j.concurrency, (- j.priority) as rank, j.due from tenfold.jobs j
              -- Said so that no partial index seems to help: the rows are known by their place.
              where j.state + 0 = 0 and j.lost + 0 = 0 and (not picky or tenfold.admits(j.bucket, j.tag))
                and j.ctid = any (array(
                  select a.ctid from (
                      select n.ctid, (- n.priority) as rank, n.due from tenfold.jobs n
                      where n.state = 0 and n.lost = 0 and n.run_at > statement_timestamp() - p_window * interval '1 ms'
                      order by n.run_at desc limit 5000) a
                    where p_due is null or (a.rank, a.due) < (p_rank, p_due)
                    order by a.rank, a.due limit p_max))
              for update skip locked) c;
    end if;
    rows := more.rows;
    places := more.places;
    limited := more.limited;
    bytes := more.bytes;
    picked := coalesce(cardinality(rows), 0);
    last_rank := more.ranks[picked];
    last_due := more.dues[picked];
    if not p_alone and p_due is not null and picked < p_max then
      select array_agg(c.ctid) as rows, array_agg(distinct c.bucket) as places, bool_or(c.concurrency is not null) as limited,
          array_agg(c.rank) as ranks, array_agg(c.due) as dues, sum(c.bytes) as bytes into more
        from (select j.ctid, j.bucket, pg_column_size(j.payload) as bytes, j.concurrency, (- j.priority) as rank, j.due from tenfold.jobs j
              where j.state = 0 and j.lost = 0 and ((- j.priority), j.due) >= (p_rank, p_due)
                and (not picky or tenfold.admits(j.bucket, j.tag))
              order by (- j.priority), j.due limit p_max - picked for update skip locked) c;
      if more.rows is not null then
        picked := picked + cardinality(more.rows);
        last_rank := more.ranks[cardinality(more.rows)];
        last_due := more.dues[cardinality(more.rows)];
        rows := rows || more.rows;
        places := array(select distinct unnest(places || more.places));
        limited := coalesce(limited, false) or more.limited;
        bytes := coalesce(bytes, 0) + more.bytes;
      end if;
    end if;
    exit when rows is null;
    opened := tenfold.open_buckets(places);
    -- Rows of a bucket that has moved away, not cleaned up yet, must not stand in the way of the others.
    exit when picky or (cardinality(opened) = cardinality(places) and not tagged);
    picky := true;
  end loop;

  -- As they are stored, compressed perhaps, sizes cost nothing to know: only when they might be too much are the payloads
  -- looked at. What does not fit is left, as if it had not been looked at.
  if bytes > p_bytes / 256 then
    with sized as (
      select n, - j.priority as rank, j.due, sum(octet_length(j.payload::text)) over (order by n) as upto
        from unnest(rows) with ordinality r (place, n) join tenfold.jobs j on j.ctid = r.place)
    select s.n, s.rank, s.due, s.upto as bytes into more from sized s where s.n = 1 or s.upto <= p_bytes order by s.n desc limit 1;
    bytes := more.bytes;
    if more.n < cardinality(rows) then
      rows := rows[1:more.n];
      last_rank := more.rank;
      last_due := more.due;
      picked := p_max;
    end if;
  end if;

  if limited then
    -- One at a time counts a (name, owner); whose turn it is not leaves those jobs to the other.
    select array_agg(k) into keys from (
      select distinct hashtext(j.name || ' ' || j.owner) as k from tenfold.jobs j
        where j.ctid = any (rows) and j.concurrency is not null) all_keys
      where pg_try_advisory_xact_lock(1413893189, k);
    with counted as (
      select j.ctid, row_number() over (partition by j.name, j.owner order by j.priority desc, j.due, j.id)
          + (select count(*) from tenfold.jobs r where r.name = j.name and r.owner = j.owner and r.state = 3 and r.concurrency is not null)
          > j.concurrency as over, hashtext(j.name || ' ' || j.owner) = any (keys) as locked
      from tenfold.jobs j where j.ctid = any (rows) and j.concurrency is not null),
    parked as (
      update tenfold.jobs j set state = 2 from counted
        where j.ctid = counted.ctid and counted.over and counted.locked
          and j.bucket = any (opened) and (not tagged or tenfold.admits(j.bucket, j.tag)))
    select array_agg(r) into rows from unnest(rows) r
      where r not in (select c.ctid from counted c where c.over or not coalesce(c.locked, false));
  end if;

  return query
    with taken as (
      update tenfold.jobs j set state = 3, attempt = j.attempt + 1, fence = p_fence, worker = p_worker,
        lease_until = statement_timestamp() + p_lease_ms * interval '1 ms'
      where j.ctid = any (rows) and (not picky or j.bucket = any (opened)) and (not tagged or tenfold.admits(j.bucket, j.tag))
      returning j.id, j.name, j.bucket, j.tag, j.attempt, j.attempts_max, j.payload, j.seen, j.priority, j.due)
    select j.id, j.name, j.bucket, j.tag, j.attempt, j.attempts_max, j.payload, j.seen
      from taken j order by j.priority desc, j.due;
  return query select null::uuid, null, last_rank, 0, picked, bytes::int, null::json, last_due::text;
end $$;

-- Ends runs that succeeded. Returns those that were another's by then, or gone.
create function tenfold.complete_jobs(p_ids uuid[], p_fences bigint[], p_buckets int[]) returns uuid[]
language plpgsql volatile set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  places int[] := array(select distinct unnest(p_buckets));
  opened int[] := tenfold.open_buckets(places);
  -- Looking at each row's place is dear, and hardly ever tells anything.
  everywhere boolean := cardinality(opened) = cardinality(places) and not exists (select from tenfold.buckets where tags <> '{}');
  done uuid[];
  names text[];
  owners text[];
begin
  with gone as (
    delete from tenfold.jobs j using unnest(p_ids, p_fences) d (id, fence)
      where j.id = d.id and j.fence = d.fence
        and (everywhere or (j.bucket = any (opened) and tenfold.admits(j.bucket, j.tag)))
      returning j.id, j.name, j.owner, j.concurrency)
  select array_agg(id), array_agg(name) filter (where concurrency is not null), array_agg(owner) filter (where concurrency is not null)
    into done, names, owners from gone;
  if names is not null then perform tenfold.unblock_jobs(names, owners); end if;
  if coalesce(cardinality(done), 0) = cardinality(p_ids) then return '{}'; end if;
  return array(select id from unnest(p_ids) id where done is null or id <> all (done));
end $$;

-- The same for one job, inside a transaction that has entered its bucket and goes no further without it.
create function tenfold.complete_job(p_id uuid, p_fence bigint) returns void
language plpgsql volatile set enable_seqscan = off as $$
declare
  gone record;
begin
  delete from tenfold.jobs where id = p_id and fence = p_fence returning name, owner, concurrency into gone;
  if not found then
    raise exception using errcode = 'TF003', message = format('Job %s is not run by this worker any more', p_id);
  end if;
  if gone.concurrency is not null then perform tenfold.unblock_jobs(array[gone.name], array[gone.owner]); end if;
end $$;

-- Ends runs that did not succeed: [{ id, fence, bucket, error, delay_ms, dead }]. Returns those that were another's.
create function tenfold.fail_jobs(p_runs json) returns uuid[]
language plpgsql volatile set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  opened int[] := tenfold.open_buckets(array(select distinct r.bucket from json_to_recordset(p_runs) r (bucket int)));
  cancelled uuid[];
  done uuid[];
  names text[];
  owners text[];
begin
  with ended as (
    update tenfold.jobs j set
      state = case when r.dead or j.attempt >= j.attempts_max then 4 else 1 end,
      run_at = statement_timestamp() + r.delay_ms * interval '1 ms', error = r.error,
      fence = null, lease_until = null, worker = null
    from json_to_recordset(p_runs) r (id uuid, fence bigint, error text, delay_ms float8, dead boolean)
    where j.id = r.id and j.fence = r.fence and j.bucket = any (opened) and tenfold.admits(j.bucket, j.tag)
    returning j.id, j.name, j.owner, j.concurrency, j.cancel)
  select array_agg(id), array_agg(id) filter (where cancel),
      array_agg(name) filter (where concurrency is not null), array_agg(owner) filter (where concurrency is not null)
    into done, cancelled, names, owners from ended;
  if cancelled is not null then delete from tenfold.jobs where id = any (cancelled); end if;
  if names is not null then perform tenfold.unblock_jobs(names, owners); end if;
  return array(select r.id from json_to_recordset(p_runs) r (id uuid) where done is null or r.id <> all (done));
end $$;

-- Gives back what did not run to its end through no fault of its own: the attempt does not count.
create function tenfold.release_jobs(p_ids uuid[], p_fences bigint[], p_buckets int[]) returns int
language plpgsql volatile set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  opened int[] := tenfold.open_buckets(array(select distinct unnest(p_buckets)));
  names text[];
  owners text[];
  changed int;
begin
  with gone as (
    delete from tenfold.jobs j using unnest(p_ids, p_fences) d (id, fence)
      where j.id = d.id and j.fence = d.fence and j.cancel and j.bucket = any (opened) and tenfold.admits(j.bucket, j.tag)
      returning j.name, j.owner, j.concurrency)
  select array_agg(name), array_agg(owner) into names, owners from gone where concurrency is not null;
  update tenfold.jobs j set state = 0, run_at = statement_timestamp(), attempt = j.attempt - 1, fence = null, lease_until = null, worker = null
    from unnest(p_ids, p_fences) d (id, fence)
    where j.id = d.id and j.fence = d.fence and j.bucket = any (opened) and tenfold.admits(j.bucket, j.tag);
  get diagnostics changed = row_count;
  if names is not null then perform tenfold.unblock_jobs(names, owners); end if;
  return changed;
end $$;

-- Gives back a claim whose answer never arrived.
create function tenfold.release_claim(p_worker uuid, p_fence bigint) returns int
language plpgsql volatile set enable_seqscan = off as $$
declare
  ids uuid[];
  fences bigint[];
  buckets int[];
begin
  select array_agg(id), array_agg(fence), array_agg(bucket) into ids, fences, buckets
    from tenfold.jobs where state = 3 and worker = p_worker and fence = p_fence;
  if ids is null then return 0; end if;
  return tenfold.release_jobs(ids, fences, buckets);
end $$;

-- Prolongs leases. Returns the jobs that are still this worker's, and whether they are asked to end.
create function tenfold.renew_jobs(p_ids uuid[], p_fences bigint[], p_buckets int[], p_lease_ms int)
returns table (id uuid, cancel boolean)
language plpgsql volatile set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  opened int[] := tenfold.open_buckets(array(select distinct unnest(p_buckets)));
begin
  return query
    update tenfold.jobs j set lease_until = statement_timestamp() + p_lease_ms * interval '1 ms'
    from unnest(p_ids, p_fences) d (id, fence)
    where j.id = d.id and j.fence = d.fence and j.bucket = any (opened) and tenfold.admits(j.bucket, j.tag)
    returning j.id, j.cancel;
end $$;

-- Notes how far a run has come. False when it is another's.
create function tenfold.progress_job(p_id uuid, p_fence bigint, p_bucket int, p_progress json) returns boolean
language plpgsql volatile set enable_seqscan = off as $$
declare
  opened int[] := tenfold.open_buckets(array[p_bucket]);
begin
  update tenfold.jobs set progress = p_progress
    where id = p_id and fence = p_fence and bucket = any (opened) and tenfold.admits(bucket, tag);
  return found;
end $$;

-- None stays blocked for ever, whatever happened to the one that should have let it go on. Looks at one job of each
-- (name, owner) that waits; most wait for good reason, and those behind them must be found, too.
create function tenfold.repair_jobs(p_max int) returns int
language plpgsql volatile set enable_seqscan = off as $$
declare
  names text[];
  owners text[];
begin
  with recursive first as (
    (select j.name, j.owner, j.concurrency from tenfold.jobs j where j.state = 2 order by j.name, j.owner limit 1)
    union all
    select n.name, n.owner, n.concurrency from first f cross join lateral (
      select j.name, j.owner, j.concurrency from tenfold.jobs j
      where j.state = 2 and (j.name, j.owner) > (f.name, f.owner) order by j.name, j.owner limit 1) n)
  select array_agg(b.name), array_agg(b.owner) into names, owners from (
    select f.name, f.owner from first f where f.concurrency > (
      select count(*) from tenfold.jobs r where r.name = f.name and r.owner = f.owner and r.state = 3 and r.concurrency is not null)
    limit p_max) b;
  if names is null then return 0; end if;
  return tenfold.unblock_jobs(names, owners);
end $$;
