-- What is done with claims and jobs that nobody speaks for. See jobs/DESIGN.md.

-- Forgets a claim that holds nothing any more. False when it still does.
create function tenfold.drop_claim(p_claim bigint) returns boolean
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  delete from tenfold.claims c where c.id = p_claim and not exists (select from tenfold.jobs j where j.claim = p_claim)
    and not exists (select from unnest(c.jobs, c.fences) d (id, fence) join tenfold.jobs j on j.id = d.id where j.fence = d.fence);
  return found;
end $$;

-- Gives back a claim whose answer never arrived.
create function tenfold.release_claim(p_claim bigint) returns void
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  perform tenfold.release_jobs(array_agg(p_claim), array_agg(j.id), array_agg(j.fence), array_agg(j.bucket))
    from tenfold.claims c cross join lateral unnest(c.jobs, c.fences) d (id, fence) join tenfold.jobs j on j.id = d.id
    where c.id = p_claim and j.fence = d.fence having count(*) > 0;
  perform tenfold.drop_claim(p_claim);
end $$;

-- What becomes of the jobs of a claim whose worker vanished. Rows that somebody is just about to end are left to him, and
-- those of a bucket that is being moved to whoever moves it: then the claim stays. Returns how many were lost.
create function tenfold.lose_claim(p_claim bigint) returns int
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  ids uuid[];
  places int[];
  opened int[];
  names text[];
  owners text[];
  changed int;
begin
  select array_agg(j.id), array_agg(distinct j.bucket) into ids, places from (
    select * from (select j.id, j.bucket from tenfold.claims c cross join lateral unnest(c.jobs, c.fences) d (id, fence)
      join tenfold.jobs j on j.id = d.id where c.id = p_claim and j.fence = d.fence
      for update of j skip locked) listed
    union all
    select * from (select j.id, j.bucket from tenfold.jobs j where j.claim = p_claim for update skip locked) handed_over) j;
  opened := tenfold.open_buckets(places);
  with gone as (
    delete from tenfold.jobs where id = any (ids) and cancel and bucket = any (opened) and tenfold.admits(bucket, tag)
      returning name, owner, concurrency, 0 as kept),
  lost as (
    update tenfold.jobs set
      state = case when attempt + 1 >= attempts_max then 4 when attempt = 0 then 5 else 1 end,
      attempt = attempt + 1, lost = jobs.lost + 1, fence = jobs.fence + 1, claim = null, due = statement_timestamp(),
      run_at = statement_timestamp() + case when attempt = 0 then interval '0'
        else random() * least(900, 2 ^ least(attempt, 20)) * interval '1 second' end,
      error = format('The worker vanished during attempt %s of %s.', attempt + 1, attempts_max)
    where id = any (ids) and not cancel and bucket = any (opened) and tenfold.admits(bucket, tag)
    returning name, owner, concurrency, 1 as kept),
  ended as (select * from gone union all select * from lost)
  select coalesce(sum(kept), 0), array_agg(name) filter (where concurrency is not null), array_agg(owner) filter (where concurrency is not null)
    into changed, names, owners from ended;
  if not tenfold.drop_claim(p_claim) then
    update tenfold.claims set lease_until = statement_timestamp() + interval '1 second' where id = p_claim;
  end if;
  if names is not null then perform tenfold.unblock_jobs(names, owners); end if;
  return changed;
end $$;

-- Brings up what has become due: expired leases (and, at the start of a sole worker, whatever others hold), delayed
-- jobs. Tells milliseconds until the next delayed job, whether a suspect waits, how many were lost, and whether there may be more.
create function tenfold.tend_jobs(p_max int, p_sole uuid, out next_ms float8, out suspects boolean, out lost int, out more boolean)
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  claims bigint[];
  claim bigint;
  ids uuid[];
  places int[];
  opened int[];
  -- As in a claim: rows of a bucket that has moved away must not stand in the way of the others.
  picky boolean := false;
begin
  lost := 0;
  select array_agg(id) into claims from (
    select id from tenfold.claims
      where lease_until < case when p_sole is null then statement_timestamp() else 'infinity' end
        and (p_sole is null or worker <> p_sole)
      order by lease_until limit p_max for update skip locked) held;
  foreach claim in array coalesce(claims, '{}') loop
    lost := lost + tenfold.lose_claim(claim);
    exit when lost >= p_max;
  end loop;
  more := coalesce(cardinality(claims) = p_max, false) or lost >= p_max;

  loop
    select array_agg(id), array_agg(distinct bucket) into ids, places from (
      select id, bucket from tenfold.jobs where state = 1 and run_at <= statement_timestamp()
          and (not picky or tenfold.admits(bucket, tag))
        order by run_at limit p_max for update skip locked) risen;
    exit when ids is null;
    exit when picky or tenfold.all_open(places);
    picky := true;
  end loop;
  if ids is not null then
    opened := tenfold.open_buckets(places);
    with risen as (
      select id, owner, row_number() over (partition by owner order by run_at, id) - 1 as turn
        from tenfold.jobs where id = any (ids) and bucket = any (opened) and tenfold.admits(bucket, tag)),
    owners as (
      select owner, greatest(statement_timestamp(), (select q.due + interval '1 second' from tenfold.ready q
          where q.owner = o.owner and q.due > statement_timestamp() order by q.due desc limit 1)) as first
        from (select distinct owner from risen) o)
    update tenfold.jobs j set state = case when j.lost > 0 then 5 else 0 end, run_at = statement_timestamp(),
        due = first + turn * interval '1 second'
      from risen join owners using (owner) where j.id = risen.id;
    perform tenfold.line_up(ids);
  end if;
  if cardinality(ids) = p_max then next_ms := 0;
  else
    select extract(epoch from run_at - statement_timestamp()) * 1000 into next_ms
      from tenfold.jobs where state = 1 and run_at > statement_timestamp() order by run_at limit 1;
  end if;
  suspects := exists (select from tenfold.jobs where state = 5 and tenfold.admits(bucket, tag));
end $$;

-- None stays blocked for ever, whatever happened to the one that should have let it go on. Looks at one job of each
-- (name, owner) that waits; most wait for good reason, and those behind them must be found, too. Nor is one under way for
-- ever that neither waits in the queue nor is held: of the oldest p_max that are, such as nobody should have made; and those that
-- were handed over under a claim that had gone when they were committed.
create function tenfold.repair_jobs(p_max int) returns int
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  names text[];
  owners text[];
  strays uuid[];
  repaired int := 0;
begin
  with oldest as (select id, fence, owner, due from tenfold.jobs where state = 0 and claim is null order by id limit p_max),
  stray as (
    select o.id, o.fence from oldest o
      where not exists (select from tenfold.ready r where r.owner = o.owner and r.due = o.due and r.id = o.id)
        and o.id not in (select unnest(jobs) from tenfold.claims)
    union all
    (select id, fence from tenfold.jobs where claim is not null and claim not in (select id from tenfold.claims) limit p_max)),
  again as (
    update tenfold.jobs j set fence = j.fence + 1, claim = null, run_at = statement_timestamp()
      from stray where j.id = stray.id and j.fence = stray.fence and j.state = 0
        and j.bucket = any (tenfold.open_buckets(array[j.bucket])) and tenfold.admits(j.bucket, j.tag)
      returning j.id)
  select array_agg(id) into strays from again;
  if strays is not null then
    perform tenfold.line_up(strays);
    repaired := cardinality(strays);
  end if;

  with recursive first as (
    (select j.name, j.owner, j.concurrency from tenfold.jobs j where j.state = 2 and j.concurrency is not null
      order by j.name, j.owner limit 1)
    union all
    select n.name, n.owner, n.concurrency from first f cross join lateral (
      select j.name, j.owner, j.concurrency from tenfold.jobs j
      where j.state = 2 and j.concurrency is not null and (j.name, j.owner) > (f.name, f.owner)
      order by j.name, j.owner limit 1) n)
  select array_agg(b.name), array_agg(b.owner) into names, owners from (
    select f.name, f.owner from first f where f.concurrency > (
      select count(*) from tenfold.jobs r where r.name = f.name and r.owner = f.owner and r.state = 3 and r.concurrency is not null)
    limit p_max) b;
  if names is not null then repaired := repaired + tenfold.unblock_jobs(names, owners); end if;
  return repaired;
end $$;
