import { confirmHandle, reserveHandle } from './handles.ts'
import { shownOf } from './keys.ts'
import { limitLogIns } from './log-in-limit.ts'
import { hashPassword, isOutdated, verifyPassword } from './passwords.ts'
import type { Lightbox } from './placing.ts'
import { handleTaken, wrongCredentials } from './problems.ts'
import { idOfHandle } from './profiles.ts'

/** What is known to be valid already: the schemas stand at the doors. */
export interface NewAccount {
  /** In lower case. */
  handle: string
  firstName: string
  lastName: string
  password: string
}

export interface Account {
  id: string
  handle: string
}

const SIGN_UPS = { max: 60, windowSeconds: 60 }

/**
 * Signs a person up; beginning a session is the caller's. Three writes, see handles.ts.
 * @throws Problem `handle-taken`, `too-busy`; RateLimited
 */
export async function createAccount(system: Lightbox, account: NewAccount): Promise<Account> {
  await system.limits.enforce(`sign-up:${system.request.clientAddress}`, SIGN_UPS)
  const passwordHash = await hashPassword(account.password)
  const id = await reserveHandle(system, account.handle)
  if (id === null || !(await createUser(system, id, account, passwordHash))) {
    throw handleTaken(account.handle)
  }
  await confirmHandle(system, account.handle, id)
  return { id, handle: account.handle }
}

/** The decision of a sign-up: false when somebody gave it up for dead and took the handle over. */
function createUser(
  system: Lightbox,
  id: string,
  { handle, firstName, lastName }: NewAccount,
  passwordHash: string,
): Promise<boolean> {
  return system.shard.user(id).write('create user', async (tx) => {
    const decided = await tx.db
      .insertInto('credentials')
      .values({ user_id: id, password_hash: passwordHash })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    if (decided.numInsertedOrUpdatedRows === 0n) return false
    await tx.db
      .insertInto('users')
      .values({ id, handle, first_name: firstName, last_name: lastName })
      .execute()
    // Somebody may have asked for this id before, and that there was nobody is in the cache.
    tx.invalidate(...shownOf(id))
    return true
  })
}

/**
 * Checks a password. Unknown handles count and cost the same as known ones.
 * @throws Problem `wrong-credentials`, `too-busy`; RateLimited
 */
export async function logIn(system: Lightbox, handle: string, password: string): Promise<Account> {
  const { id, hash } = await limitLogIns(system, handle, () => checkPassword(system, handle, password))
  if (isOutdated(hash)) await replaceHash(system, id, hash, await hashPassword(password))
  return { id, handle }
}

async function checkPassword(
  system: Lightbox,
  handle: string,
  password: string,
): Promise<{ id: string; hash: string }> {
  const id = await idOfHandle(system, handle)
  // Somebody's shard is asked also when nobody has the handle: the same round trips.
  const stored = await passwordHashOf(system, id ?? '1')
  const hash = id === undefined ? null : stored
  if (!(await verifyPassword(password, hash)) || id === undefined || hash === null) throw wrongCredentials()
  return { id, hash }
}

async function passwordHashOf(system: Lightbox, userId: string): Promise<string | null> {
  const row = await system.shard
    .user(userId)
    .read((db) =>
      db.selectFrom('credentials').select('password_hash').where('user_id', '=', userId).executeTakeFirst(),
    )
  return row?.password_hash ?? null
}

/** Unless the password was changed meanwhile. */
function replaceHash(system: Lightbox, userId: string, old: string, fresh: string): Promise<void> {
  return system.shard.user(userId).write('replace password hash', async ({ db }) => {
    await db
      .updateTable('credentials')
      .set({ password_hash: fresh })
      .where('user_id', '=', userId)
      .where('password_hash', '=', old)
      .execute()
  })
}
