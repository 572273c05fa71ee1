import { celebrityFollowers } from '../domain/threshold.ts'

/*
 * A follower graph of any size, made inside the database. Everything about a person follows from their number
 * and the seed alone, and people follow only those before them: a larger graph begins with the smaller one, so
 * a run can be broken off, repeated and continued with more.
 *
 * Person `n` of the graph follows floor(n · u³) for uniform u: the followers of the person of rank r are then
 * in proportion to r^(-2/3), which is a power law with the exponent 2.5, as social networks have. The number
 * they follow is a power law too: 5 or more, 10 on average, 300 at most.
 */

/** Below are the small community and whoever signs up by hand; sign-ups draw ids far above. */
const FIRST_ID = 1_000_000
/** So many buckets in one transaction: few commits, and locks that are held for a moment only. */
const BUCKETS_AT_ONCE = 64
const BUCKETS = 4096

export interface GraphSize {
  readonly users: number
  readonly seed: number
  /** From how many followers on somebody is a celebrity. @defaultValue as the application has it */
  readonly celebrityFollowers?: number
}

/** Uniform in [0, 1) from a number and a salt. */
const uniform = (number: string, salt: string): string =>
  `((hashint8extended(${number}, ${salt}) & 1152921504606846975) / 1152921504606846976.0::float8)`

const bucketOf = (id: string): string => `(hashint8extended(${id}, 0) & 4095)::int`

const FIRST_NAMES = `'{Ada,Amara,Bela,Chidi,Clara,Dario,Elif,Emil,Farah,Greta,Hana,Hugo,Ida,Ilya,Jonas,Kaito,Lea,Luca,Maya,Milan,Nadia,Noah,Olga,Omar,Petra,Ravi,Sara,Theo,Uma,Vera,Wim,Zoe}'::text[]`
const LAST_NAMES = `'{Abe,Berg,Costa,Diaz,Engel,Fofana,Garcia,Haas,Ito,Jansen,Kaya,Lopez,Meyer,Novak,Okoye,Park,Quist,Rossi,Sato,Tran,Usman,Vogel,Weber,Xu,Yilmaz,Zhou,Ahmed,Bauer,Cohen,Dubois,Evans,Fischer}'::text[]`

/** What is known before the first row is written. The tables live as long as the session. */
function preparation({
  users,
  seed,
  celebrityFollowers: threshold = celebrityFollowers(),
}: GraphSize): string[] {
  return [
    `create temp table member as
      select n, ${FIRST_ID} + n as id, ${bucketOf(`${FIRST_ID} + n`)} as bucket, 'member_' || n as handle,
        (hashtextextended('member_' || n, 0) & 4095)::int as handle_bucket
      from generate_series(0::bigint, ${users - 1}) n`,
    `create temp table follow as
      select distinct ${FIRST_ID} + n as follower, ${FIRST_ID} + floor(n * ${uniform('n * 512 + at', `${seed} + 1`)} ^ 3)::bigint as followee
      from member,
        lateral generate_series(1, least(300, n, floor(5 / sqrt(1 - ${uniform('n', String(seed))})))::int) at`,
    `create temp table outgoing as
      select ${bucketOf('follower')} as bucket, follower, followee from follow order by 1`,
    `create temp table incoming as
      select ${bucketOf('followee')} as bucket, followee, follower from follow order by 1`,
    `create temp table celebrity as
      select followee as id, ${bucketOf('followee')} as bucket from follow group by 1 having count(*) >= ${threshold}`,
    'drop table follow',
    'create index on member (bucket)',
    'create index on member (handle_bucket)',
    'create index on outgoing (bucket)',
    'create index on incoming (bucket)',
    'analyze member, outgoing, incoming, celebrity',
  ]
}

/** Buckets `first` and following, as far as this cluster owns them; one transaction. */
const fill = (first: number): string => `do $fill$
declare one record;
begin
  for one in select bucket as number, epoch from tenfold.buckets
    where bucket between ${first} and ${first + BUCKETS_AT_ONCE - 1} and owned and tags = '{}'
  loop
    perform tenfold.enter(one.number, -1, one.epoch);
    insert into handles (handle, user_id, state)
      select handle, id, 'confirmed' from member where handle_bucket = one.number on conflict do nothing;
    insert into users (id, handle, first_name, last_name)
      select id, handle, (${FIRST_NAMES})[1 + n % 32], (${LAST_NAMES})[1 + n / 32 % 32]
      from member where bucket = one.number on conflict do nothing;
    with added as (
      insert into following (follower_id, followee_id, active, version)
      select follower, followee, true, 1 from outgoing where bucket = one.number
      on conflict do nothing returning follower_id
    ), counted as (select follower_id, count(*) as added from added group by 1)
    update users set following_count = following_count + counted.added from counted where id = follower_id;
    with added as (
      insert into followers (followee_id, follower_id, active, version)
      select followee, follower, true, 1 from incoming where bucket = one.number
      on conflict do nothing returning followee_id
    ), counted as (select followee_id, count(*) as added from added group by 1)
    update users set follower_count = follower_count + counted.added from counted where id = followee_id;
    -- Nobody writes as them meanwhile, so it does not matter who hears of it first.
    update users set reach = 'celebrity' from celebrity c where users.id = c.id and c.bucket = one.number;
    update following f set on_read = true from outgoing o join celebrity c on c.id = o.followee
      where o.bucket = one.number and f.follower_id = o.follower and f.followee_id = o.followee and not f.on_read;
  end loop;
end $fill$`

/** All statements for one cluster, in order; each is a transaction and does no harm when it comes twice. */
export function graphStatements(size: GraphSize): string[] {
  const firsts = Array.from({ length: BUCKETS / BUCKETS_AT_ONCE }, (_, at) => at * BUCKETS_AT_ONCE)
  return [...preparation(size), ...firsts.map(fill)]
}
