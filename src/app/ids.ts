import type { KeyInput } from '../core/keys.ts'
import type { DataClient } from '../data/client/data-client.ts'

/** `system.ids`: a bare owner is of the first key space, `{ space: key }` names another. */
export function idSource(client: DataClient, spaces: readonly string[]) {
  return {
    next: (owner: KeyInput | Readonly<Record<string, KeyInput | undefined>>): string => {
      const [space, key] = typeof owner === 'object' ? (Object.entries(owner)[0] ?? []) : [spaces[0], owner]
      if (space === undefined || key === undefined)
        throw new RangeError('ids.next() needs an owner: a key, or { space: key }')
      return client.ownedId(client.target(space, key).placement)
    },
    snowflake: (): string => client.snowflakes.next(),
  }
}
