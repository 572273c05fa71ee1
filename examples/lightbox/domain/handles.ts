import type { Lightbox } from './placing.ts'

/*
 * Unique across shards. The handle is placed by itself, the person by their id: no constraint spans both.
 *
 *   1  handle's shard   reserve: the row names the id that the new user will have
 *   2  user's shard     decide:  the row of `credentials` with that id; its primary key admits one decision
 *   3  handle's shard   confirm: no more questions asked
 *
 *   (none) ──1──▶ reserved(A) ──3──▶ confirmed(A)
 *                   │    ▲
 *                   └────┘ takeover by B, after A's sign-up was abandoned in A's shard: reserved(B)
 *
 * The user exists from 2 on, and from 2 on the handle is theirs: a process that dies before 3 does no harm. One
 * that dies before 2 leaves a reservation. After some minutes the next one who asks for the handle may settle
 * it, never by the clock alone: they ask A's shard for a decision, by inserting a row of credentials without a
 * password. If A's is there already, A has the handle. If not, A can never be created, however slow its process
 * is, and the handle is free for whoever replaces the reservation first. So no two users have one handle, and
 * no user loses theirs.
 */

/** How long a sign-up is left alone; it takes a second. */
const PATIENCE = '5 minutes'

interface Reservation {
  userId: string
  mine: boolean
  /** Whether to settle it: reserved, and not just now. */
  stale: boolean
}

/** The id of the user to create, or null when the handle is taken. */
export async function reserveHandle(system: Lightbox, handle: string): Promise<string | null> {
  const reservation = await system.shard.handle(handle).write('reserve handle', async (tx) => {
    const userId = system.ids.snowflake()
    const insert = 'insert into handles (handle, user_id) values ($1, $2) on conflict do nothing returning 1'
    if ((await tx.query(insert, [handle, userId])).length > 0) return { userId, mine: true, stale: false }
    const [held] = await tx.query<Reservation>(
      `select user_id::text as "userId", false as mine,
        state = 'reserved' and reserved_at < now() - interval '${PATIENCE}' as stale
      from handles where handle = $1`,
      [handle],
    )
    return held ?? { userId, mine: false, stale: false }
  })
  if (reservation.mine) return reservation.userId
  if (!reservation.stale) return null
  if (await abandonSignUp(system, reservation.userId)) {
    return takeOver(system, handle, reservation.userId)
  }
  await confirmHandle(system, handle, reservation.userId)
  return null
}

/** In the user's shard; false when that user exists. */
function abandonSignUp(system: Lightbox, userId: string): Promise<boolean> {
  return system.shard.user(userId).write('abandon sign-up', async (tx) => {
    await tx.query('insert into credentials (user_id) values ($1) on conflict do nothing', [userId])
    const decided = await tx.query('select 1 from credentials where user_id = $1 and password_hash is null', [
      userId,
    ])
    return decided.length > 0
  })
}

/** The condition on the former id lets one of many succeed. */
function takeOver(system: Lightbox, handle: string, formerId: string): Promise<string | null> {
  return system.shard.handle(handle).write('take handle over', async (tx) => {
    const userId = system.ids.snowflake()
    const replaced = await tx.query(
      `update handles set user_id = $3, reserved_at = now()
      where handle = $1 and user_id = $2 and state = 'reserved' returning 1`,
      [handle, formerId, userId],
    )
    return replaced.length > 0 ? userId : null
  })
}

/** Spares later sign-ups the question. Harmless when it was done before. */
export async function confirmHandle(system: Lightbox, handle: string, userId: string): Promise<void> {
  await system.shard.handle(handle).write('confirm handle', async (tx) => {
    await tx.query(`update handles set state = 'confirmed' where handle = $1 and user_id = $2`, [
      handle,
      userId,
    ])
  })
}
