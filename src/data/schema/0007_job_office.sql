-- What is done with jobs from outside: cancelled, put in again, forgotten. See jobs/office.ts.

-- Takes a job out, or asks the one that runs to end: 'gone', 'asked', or null when there is none here. It waits for a claim
-- that is just taking the job; a claim waits for no row of a job.
create function tenfold.cancel_job(p_id uuid) returns text
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  found_job record;
  waited boolean;
begin
  select bucket, tag, state, name, owner, due, concurrency into found_job from tenfold.jobs where id = p_id for update;
  if not found or tenfold.open_buckets(array[found_job.bucket]) = '{}' or not tenfold.admits(found_job.bucket, found_job.tag) then
    return null;
  end if;
  delete from tenfold.ready where owner = found_job.owner and due = found_job.due and id = p_id;
  waited := found;
  if found_job.state = 3 or (found_job.state = 0 and not waited) then
    update tenfold.jobs set cancel = true where id = p_id;
    return 'asked';
  end if;
  delete from tenfold.jobs where id = p_id;
  -- It may have been the one that was let go on.
  if found_job.state in (0, 5) and found_job.concurrency is not null then
    perform tenfold.unblock_jobs(array[found_job.name], array[found_job.owner]);
  end if;
  return 'gone';
end $$;

-- Puts dead jobs back in, as if they had never been tried: one, or p_max of all below p_before, the newest first, so that
-- of those with the same unique key it is the newest. Returns those it looked at, and whether they are in again.
create function tenfold.retry_jobs(p_id uuid, p_max int, p_before uuid) returns table (id uuid, done boolean)
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
#variable_conflict use_column
declare
  places int[];
  ids uuid[];
  opened int[];
  again uuid[];
begin
  select array_agg(d.id), array_agg(distinct d.bucket) into ids, places from (
    select id, bucket from tenfold.jobs where state = 4 and (p_id is null or id = p_id) and (p_before is null or id < p_before)
      order by id desc limit p_max for update skip locked) d;
  if ids is null then return; end if;
  opened := tenfold.open_buckets(places);
  loop
    begin
      with candidates as (
        select j.id, row_number() over (partition by j.bucket, j.tag, j.name, coalesce(j.unique_key, j.id::text) order by j.id desc) as place
        from tenfold.jobs j where j.id = any (ids) and j.bucket = any (opened) and tenfold.admits(j.bucket, j.tag)
          -- One with the same unique key waits already: this one stays dead.
          and (j.unique_key is null or not exists (select from tenfold.jobs o where o.bucket = j.bucket and o.tag = j.tag
            and o.name = j.name and o.unique_key = j.unique_key and o.state <> 4))),
      retried as (
        update tenfold.jobs j set state = 0, attempt = 0, lost = 0, cancel = false, due = statement_timestamp(), run_at = statement_timestamp()
        from candidates c where j.id = c.id and c.place = 1
        returning j.id)
      select array_agg(r.id) into again from retried r;
      exit;
    exception when unique_violation then null; -- one with the same key has come meanwhile: now it is seen
    end;
  end loop;
  perform tenfold.line_up(again);
  return query select i, coalesce(i = any (again), false) from unnest(ids) i order by i desc;
end $$;

-- Forgets dead jobs (all of them, or one). Returns their ids.
create function tenfold.discard_jobs(p_id uuid, p_max int) returns setof uuid
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  places int[];
  ids uuid[];
  opened int[];
begin
  select array_agg(id), array_agg(distinct bucket) into ids, places from (
    select id, bucket from tenfold.jobs where state = 4 and (p_id is null or id = p_id)
      order by id limit p_max for update skip locked) d;
  if ids is null then return; end if;
  opened := tenfold.open_buckets(places);
  return query delete from tenfold.jobs j
    where j.id = any (ids) and j.bucket = any (opened) and tenfold.admits(j.bucket, j.tag) returning j.id;
end $$;
