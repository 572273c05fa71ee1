import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { until } from '../kit/deadline.ts'
import type { Photographer, Told } from './photographer.ts'

/** A job whose worker was killed runs again when its lease is over. */
const SETTLED_MS = 120_000

interface Row {
  id: string
  original: string
  variants: { blob: string; width: number; format: string }[]
  proof: { blob: string } | null
}

/**
 * What is kept must be what rows name, each once: nothing lost, nothing doubled, nothing left over. Photos of the
 * seeded community have words, those of the people here have none.
 */
export async function checkKept(
  clusters: readonly ConnectionOptions[],
  told: ReadonlySet<string>,
): Promise<string[]> {
  const wrong: string[] = []
  const rows = await everywhere<Row>(
    clusters,
    "select id, original, variants, proof from photos where alt = ''",
  )
  const refs = await everywhere<{ ref: string }>(
    clusters,
    "select name || ' ' || encode(blob, 'hex') as ref from tenfold.blob_refs r where exists (select from photos p where r.name like 'photo/' || p.id || '%' and p.alt = '')",
  )
  const kept = refs.map(({ ref }) => ref.replace(/\/\d+ /, ' '))
  const named = rows.flatMap(({ id, original, variants, proof }) =>
    [original, ...new Set([...variants, ...(proof ? [proof] : [])].map(({ blob }) => blob))].map(
      (blob) => `photo/${id} ${blob}`,
    ),
  )
  assert.deepEqual(kept.toSorted(), named.toSorted())
  for (const { id, variants } of rows) {
    if (!told.has(id)) wrong.push(`photo ${id} was never acknowledged`)
    const kinds = variants.map(({ width, format }) => `${width} ${format}`)
    if (new Set(kinds).size !== kinds.length) wrong.push(`photo ${id} has doubled variants: ${kinds}`)
  }
  if (rows.length !== told.size) wrong.push(`${told.size} photos were acknowledged, ${rows.length} are there`)
  return wrong
}

/** Every photo is ready, made from the edits that were acknowledged last, and its bytes are there. */
export async function settled(person: Photographer, variantsMin = 6): Promise<void> {
  for (const photo of person.photos) await made(person, photo, variantsMin)
}

/** The same for one. */
export async function made(person: Photographer, { id, sharpen }: Told, variantsMin: number): Promise<void> {
  const seen = await until(
    `photo ${id} is made`,
    async () => {
      const photo = await person.see(id)
      return photo.status === 'processing' ? undefined : photo
    },
    SETTLED_MS,
  )
  assert.equal(seen.status, 'ready', id)
  assert.equal(seen.edits.sharpen ?? 0, sharpen, id)
  assert.ok(seen.variants.length >= variantsMin, id)
  for (const { url } of seen.variants) assert.ok(await person.isWhole(url), url)
}

/** What is on its way to becoming a blob or lies in the spool: nothing, while no request and no job is under way. */
export const leftovers = (state: string): string[] =>
  ['spool', 'blobs/incoming', 'blobs/trash'].flatMap((place) =>
    readdirSync(join(state, place)).map((name) => join(place, name)),
  )

/** What lies under the name of a blob is all of it, whatever is under way. @returns what is damaged, and all names */
export function checkWhole(state: string): { wrong: string[]; files: Set<string> } {
  const wrong: string[] = []
  const files = new Set<string>()
  for (const entry of readdirSync(join(state, 'blobs'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.tmp')) continue
    const bytes = readFileSync(join(entry.parentPath, entry.name))
    if (createHash('sha256').update(bytes).digest('hex') !== entry.name)
      wrong.push(`${entry.name} is damaged`)
    files.add(entry.name)
  }
  return { wrong, files }
}

/** The files of blobs are whole, and are those that some row keeps: no other, none missing. */
export async function checkFiles(state: string, clusters: readonly ConnectionOptions[]): Promise<string[]> {
  const { wrong, files } = checkWhole(state)
  const refs = "select distinct encode(blob, 'hex') as blob from tenfold.blob_refs"
  const kept = new Set((await everywhere<{ blob: string }>(clusters, refs)).map(({ blob }) => blob))
  for (const blob of files.difference(kept)) wrong.push(`${blob} is kept by no row`)
  for (const blob of kept.difference(files)) wrong.push(`${blob} is lost`)
  return wrong
}

/** Rows of every cluster together. */
export async function everywhere<Row>(clusters: readonly ConnectionOptions[], sql: string): Promise<Row[]> {
  const rows: Row[] = []
  for (const connection of clusters) {
    const client = new pg.Client(connection)
    await client.connect()
    try {
      const result = await client.query(sql)
      rows.push(...(result.rows as Row[]))
    } finally {
      await client.end()
    }
  }
  return rows
}
