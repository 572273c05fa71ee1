-- From the claim to the end of a run. See jobs/DESIGN.md. Statements that compare a fence do not name the state, or by the
-- statistics of a quiet moment they might be planned over an index of rare states.

-- Lets blocked jobs go on: as many of each (name, owner) as its limit leaves room for. The lock is the one under
-- which a claim counts and parks, and it is held to the end of the transaction: of a claim and a completion at the
-- same time, the later one sees what the earlier did.
create function tenfold.unblock_jobs(p_names text[], p_owners text[]) returns int
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  released int := 0;
  part uuid[];
  pair record;
begin
  perform pg_advisory_xact_lock(1413893189, k)
    from (select distinct hashtext(n || ' ' || o) as k from unnest(p_names, p_owners) p (n, o) order by k) keys;
  for pair in select distinct n, o from unnest(p_names, p_owners) p (n, o) loop
    with next as (
      select j.id, j.concurrency,
        row_number() over (order by j.priority desc, j.due, j.id)
          + (select count(*) from tenfold.jobs r where r.name = pair.n and r.owner = pair.o and r.state = 3 and r.concurrency is not null) as place
      from tenfold.jobs j where j.name = pair.n and j.owner = pair.o and j.state = 2 and j.concurrency is not null
      order by j.priority desc, j.due, j.id limit 100),
    let_go as (
      update tenfold.jobs j set state = case when j.lost > 0 then 5 else 0 end, run_at = statement_timestamp()
        from next where j.id = next.id and next.place <= next.concurrency returning j.id)
    select array_agg(id) into part from let_go;
    if part is not null then
      perform tenfold.line_up(part);
      released := released + cardinality(part);
    end if;
  end loop;
  return released;
end $$;

-- Of these jobs, those with a limit: which are held from now on, and which were parked since their owner has as many running as
-- it may. One at a time counts a (name, owner); what is in neither list is left to whoever is at it.
create function tenfold.limit_jobs(p_ids uuid[], out held uuid[], out parked uuid[])
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  keys int[];
begin
  select array_agg(k) into keys from (
    select distinct hashtext(j.name || ' ' || j.owner) as k from tenfold.jobs j
      where j.id = any (p_ids) and j.concurrency is not null) all_keys
    where pg_try_advisory_xact_lock(1413893189, k);
  with mine as materialized (
    select j.id, j.name, j.owner, j.priority, j.due, j.concurrency from tenfold.jobs j
      where j.id = any (p_ids) and j.concurrency is not null and hashtext(j.name || ' ' || j.owner) = any (keys)
      for no key update skip locked),
  counted as (
    select m.id, row_number() over (partition by m.name, m.owner order by m.priority desc, m.due, m.id)
        + (select count(*) from tenfold.jobs r where r.name = m.name and r.owner = m.owner and r.state = 3 and r.concurrency is not null)
        > m.concurrency as over
      from mine m),
  changed as (
    update tenfold.jobs j set state = case when c.over then 2 else 3 end from counted c where j.id = c.id returning j.id, j.state)
  select coalesce(array_agg(id) filter (where state = 3), '{}'), coalesce(array_agg(id) filter (where state = 2), '{}')
    into held, parked from changed;
end $$;

-- Takes up to p_max jobs out of the queue and holds them under p_claim. The last row is none: it tells in `attempt` how many were
-- looked at, in `attempts_max` the bytes of their payloads, and in `bucket` and `seen` the place of the last of them in the
-- order. Payloads of more than p_bytes are taken one by one.
--
-- Without p_window it looks from the beginning of the order. That passes the index entries of all that was claimed since
-- the oldest snapshot: under a transaction of an hour, everything of that hour. With p_window it looks at what became ready
-- within so many milliseconds, as far as it goes before a place before which all was taken, then from that place on: many
-- may be in the same (p_due null: nothing is left beyond).
create function tenfold.claim_jobs(p_worker uuid, p_claim bigint, p_max int, p_lease_ms int, p_bytes int,
  p_window float8 default null, p_rank int default null, p_due timestamptz default null)
returns table (id uuid, name text, bucket int, tag int, attempt int, attempts_max int, fence int, payload json, seen text)
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_sort = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  everywhere boolean;
  picky boolean := false;
  -- Everything from here on.
  first_rank int := case when p_window is null then -32768 else p_rank end;
  first_due timestamptz := case when p_window is null then '-infinity' else p_due end;
  rows tid[];
  ids uuid[];
  fences int[];
  buckets int[];
  limited boolean;
  opened int[];
  picked int;
  fits int;
  bytes bigint;
  held uuid[];
  parked uuid[];
  last_rank int;
  last_due timestamptz;
begin
  loop
    select array_agg(c.place), array_agg(c.id), array_agg(c.fence), array_agg(c.bucket), bool_or(c.limited), sum(c.bytes), count(*)
      into rows, ids, fences, buckets, limited, bytes, picked
      from (
        (select * from (
          select r.ctid as place, r.id, r.fence, r.rank, r.due, r.bucket, r.bytes, r.limited from tenfold.ready r
          where p_window is not null and (not picky or tenfold.admits(r.bucket, r.tag)) and r.ctid = any (array(
            select a.ctid from (
                select n.ctid, n.rank, n.due from tenfold.ready n
                where n.since > statement_timestamp() - p_window * interval '1 ms' order by n.since desc limit 5000) a
              where first_due is null or (a.rank, a.due) < (first_rank, first_due)
              order by a.rank, a.due limit p_max))
          for update skip locked) arrived order by arrived.rank, arrived.due)
        union all
        select * from (
          select r.ctid, r.id, r.fence, r.rank, r.due, r.bucket, r.bytes, r.limited from tenfold.ready r
          where first_due is not null and (r.rank, r.due) >= (first_rank, first_due)
            and (not picky or tenfold.admits(r.bucket, r.tag))
          order by r.rank, r.due limit p_max for update skip locked) others
        limit p_max) c;
    exit when picked = 0;
    everywhere := tenfold.all_open(buckets);
    -- Rows of a bucket that has moved away, not cleaned up yet, must not stand in the way of the others.
    exit when picky or everywhere;
    picky := true;
  end loop;
  if picked = 0 then
    return query select null::uuid, null, null::int, 0, 0, 0, 0, null::json, null;
    return;
  end if;

  -- What does not fit is left, as if it had not been looked at.
  if bytes > p_bytes and picked > 1 then
    select s.n, s.upto into fits, bytes from (
        select u.n, sum(r.bytes) over (order by u.n) as upto
          from unnest(rows) with ordinality u (place, n) join tenfold.ready r on r.ctid = u.place) s
      where s.n = 1 or s.upto <= p_bytes order by s.n desc limit 1;
    rows := rows[1:fits]; ids := ids[1:fits]; fences := fences[1:fits];
    picked := p_max;
  end if;
  select r.rank, r.due into last_rank, last_due from tenfold.ready r where r.ctid = rows[cardinality(rows)];
  if not everywhere then
    opened := tenfold.open_buckets(array(select distinct unnest(buckets)));
    select array_agg(u.place order by u.n), array_agg(u.id order by u.n), array_agg(u.fence order by u.n) into rows, ids, fences
      from unnest(rows, ids, fences) with ordinality u (place, id, fence, n) join tenfold.ready r on r.ctid = u.place
      where r.bucket = any (opened) and tenfold.admits(r.bucket, r.tag);
  end if;
  if limited then
    select l.held, l.parked into held, parked from tenfold.limit_jobs(ids) l;
    delete from tenfold.ready r where r.ctid = any (rows) and r.id = any (parked);
    select array_agg(u.place order by u.n), array_agg(u.id order by u.n), array_agg(u.fence order by u.n) into rows, ids, fences
      from unnest(rows, ids, fences) with ordinality u (place, id, fence, n) join tenfold.ready r on r.ctid = u.place
      where not r.limited or r.id = any (held);
  end if;

  if ids is not null then
    delete from tenfold.ready where ctid = any (rows);
    insert into tenfold.claims values (p_claim, p_worker, statement_timestamp() + p_lease_ms * interval '1 ms', ids, fences);
    return query
      select j.id, j.name, j.bucket, j.tag, j.attempt + 1, j.attempts_max, j.fence, j.payload, j.seen
        from unnest(ids, fences) with ordinality d (id, fence, n) join tenfold.jobs j on j.id = d.id
        where j.fence = d.fence and j.state in (0, 3) order by d.n;
  end if;
  return query select null::uuid, null, last_rank, 0, picked, bytes::int, 0, null::json, last_due::text;
end $$;

-- The same for one job whose worker vanished before. What was looked at tells whether there was any.
create function tenfold.claim_suspect(p_worker uuid, p_claim bigint, p_lease_ms int)
returns table (id uuid, name text, bucket int, tag int, attempt int, attempts_max int, fence int, payload json, seen text)
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
#variable_conflict use_column
declare
  picky boolean := false;
  suspect record;
  held uuid[];
begin
  loop
    select j.id, j.fence, j.bucket, j.tag, j.concurrency, octet_length(j.payload::text) as bytes into suspect
      from tenfold.jobs j where j.state = 5 and (not picky or tenfold.admits(j.bucket, j.tag))
      order by j.id limit 1 for update skip locked;
    exit when not found;
    exit when tenfold.open_buckets(array[suspect.bucket]) <> '{}' and tenfold.admits(suspect.bucket, suspect.tag);
    exit when picky;
    picky := true;
  end loop;
  if suspect.id is null then
    return query select null::uuid, null, null::int, 0, 0, 0, 0, null::json, null;
    return;
  end if;
  held := array[suspect.id];
  if suspect.concurrency is null then update tenfold.jobs set state = 0 where id = suspect.id;
  else select l.held into held from tenfold.limit_jobs(held) l;
  end if;
  if held <> '{}' then
    insert into tenfold.claims values (p_claim, p_worker, statement_timestamp() + p_lease_ms * interval '1 ms', held, array[suspect.fence]);
    return query select j.id, j.name, j.bucket, j.tag, j.attempt + 1, j.attempts_max, j.fence, j.payload, j.seen
      from tenfold.jobs j where j.id = any (held);
  end if;
  return query select null::uuid, null, 0, 0, 1, suspect.bytes, 0, null::json, '-infinity';
end $$;

-- Of these claims, those that still are.
create function tenfold.live_claims(p_claims bigint[]) returns bigint[]
language sql stable as $$
  select array(select id from tenfold.claims where id = any (p_claims))
$$;

-- Ends runs that succeeded. Returns those that were another's by then, or gone.
create function tenfold.complete_jobs(p_claims bigint[], p_ids uuid[], p_fences int[], p_buckets int[]) returns uuid[]
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  -- Looking at each row's place is dear, and hardly ever tells anything.
  everywhere boolean := tenfold.all_open(p_buckets);
  opened int[] := case when not everywhere then tenfold.open_buckets(array(select distinct unnest(p_buckets))) end;
  live bigint[] := tenfold.live_claims(p_claims);
  done uuid[];
  names text[];
  owners text[];
begin
  with gone as (
    delete from tenfold.jobs j using unnest(p_claims, p_ids, p_fences) d (claim, id, fence)
      where j.id = d.id and j.fence = d.fence and d.claim = any (live)
        and (everywhere or (j.bucket = any (opened) and tenfold.admits(j.bucket, j.tag)))
      returning j.id, j.name, j.owner, j.concurrency)
  select array_agg(id), array_agg(name) filter (where concurrency is not null), array_agg(owner) filter (where concurrency is not null)
    into done, names, owners from gone;
  if names is not null then perform tenfold.unblock_jobs(names, owners); end if;
  if coalesce(cardinality(done), 0) = cardinality(p_ids) then return '{}'; end if;
  return array(select id from unnest(p_ids) id where done is null or id <> all (done));
end $$;

-- The same for one job, inside a transaction that has entered its bucket and goes no further without it. Whoever takes a claim
-- away counts up the fences of its jobs in the same transaction: the row tells, should that come between.
create function tenfold.complete_job(p_claim bigint, p_id uuid, p_fence int) returns void
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  gone record;
begin
  delete from tenfold.jobs where id = p_id and fence = p_fence and exists (select from tenfold.claims c where c.id = p_claim)
    returning name, owner, concurrency into gone;
  if not found then
    raise exception using errcode = 'TF003', message = format('Job %s is not run by this worker any more', p_id);
  end if;
  if gone.concurrency is not null then perform tenfold.unblock_jobs(array[gone.name], array[gone.owner]); end if;
end $$;

-- Ends runs that did not succeed: [{ claim, id, fence, bucket, error, delay_ms, dead }]. Returns those that were another's.
create function tenfold.fail_jobs(p_runs json) returns uuid[]
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  opened int[] := tenfold.open_buckets(array(select distinct r.bucket from json_to_recordset(p_runs) r (bucket int)));
  live bigint[] := tenfold.live_claims(array(select distinct r.claim from json_to_recordset(p_runs) r (claim bigint)));
  cancelled uuid[];
  done uuid[];
  names text[];
  owners text[];
begin
  with ended as (
    update tenfold.jobs j set
      state = case when r.dead or j.attempt + 1 >= j.attempts_max then 4 else 1 end,
      run_at = statement_timestamp() + r.delay_ms * interval '1 ms', error = r.error,
      attempt = j.attempt + 1, fence = j.fence + 1, claim = null
    from json_to_recordset(p_runs) r (claim bigint, id uuid, fence int, error text, delay_ms float8, dead boolean)
    where j.id = r.id and j.fence = r.fence and r.claim = any (live) and j.bucket = any (opened) and tenfold.admits(j.bucket, j.tag)
    returning j.id, j.name, j.owner, j.concurrency, j.cancel)
  select array_agg(id), array_agg(id) filter (where cancel),
      array_agg(name) filter (where concurrency is not null), array_agg(owner) filter (where concurrency is not null)
    into done, cancelled, names, owners from ended;
  if cancelled is not null then delete from tenfold.jobs where id = any (cancelled); end if;
  if names is not null then perform tenfold.unblock_jobs(names, owners); end if;
  return array(select r.id from json_to_recordset(p_runs) r (id uuid) where done is null or r.id <> all (done));
end $$;

-- Gives back what did not run to its end through no fault of its own: the attempt does not count. Returns what was another's.
create function tenfold.release_jobs(p_claims bigint[], p_ids uuid[], p_fences int[], p_buckets int[]) returns uuid[]
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  opened int[] := tenfold.open_buckets(array(select distinct unnest(p_buckets)));
  live bigint[] := tenfold.live_claims(p_claims);
  cancelled uuid[];
  done uuid[];
  names text[];
  owners text[];
begin
  with released as (
    update tenfold.jobs j set state = case when j.lost > 0 then 5 else 0 end, run_at = statement_timestamp(), fence = j.fence + 1, claim = null
      from unnest(p_claims, p_ids, p_fences) d (claim, id, fence)
      where j.id = d.id and j.fence = d.fence and d.claim = any (live) and j.bucket = any (opened) and tenfold.admits(j.bucket, j.tag)
      returning j.id, j.name, j.owner, j.concurrency, j.cancel)
  select array_agg(id), array_agg(id) filter (where cancel),
      array_agg(name) filter (where cancel and concurrency is not null), array_agg(owner) filter (where cancel and concurrency is not null)
    into done, cancelled, names, owners from released;
  if cancelled is not null then delete from tenfold.jobs where id = any (cancelled); end if;
  perform tenfold.line_up(done);
  if names is not null then perform tenfold.unblock_jobs(names, owners); end if;
  return array(select id from unnest(p_ids) id where done is null or id <> all (done));
end $$;

-- Prolongs leases. Returns the jobs that are still this worker's, and whether they are asked to end.
create function tenfold.renew_jobs(p_claims bigint[], p_ids uuid[], p_fences int[], p_buckets int[], p_lease_ms int)
returns table (id uuid, cancel boolean)
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  opened int[] := tenfold.open_buckets(array(select distinct unnest(p_buckets)));
  live bigint[];
begin
  with renewed as (
    update tenfold.claims c set lease_until = statement_timestamp() + p_lease_ms * interval '1 ms'
      where c.id = any (p_claims) returning c.id)
  select array_agg(r.id) into live from renewed r;
  return query
    select j.id, j.cancel from unnest(p_claims, p_ids, p_fences) d (claim, id, fence) join tenfold.jobs j on j.id = d.id
      where j.fence = d.fence and d.claim = any (live) and j.bucket = any (opened) and tenfold.admits(j.bucket, j.tag);
end $$;

-- Notes how far a run has come. False when it is another's.
create function tenfold.progress_job(p_claim bigint, p_id uuid, p_fence int, p_bucket int, p_progress json) returns boolean
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  opened int[] := tenfold.open_buckets(array[p_bucket]);
begin
  update tenfold.jobs set progress = p_progress
    where id = p_id and fence = p_fence and exists (select from tenfold.claims c where c.id = p_claim)
      and bucket = any (opened) and tenfold.admits(bucket, tag);
  return found;
end $$;
