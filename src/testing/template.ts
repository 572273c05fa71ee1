import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AppDefinition } from '../app/types.ts'
import type { ClusterOptions } from '../data/client/types.ts'
import { createTestDatabase, dropTestDatabase } from './databases.ts'
import { newDatabaseName } from './names.ts'
import type { TestServer } from './server.ts'

/** What a template is made for. */
export interface TemplateOptions {
  readonly server: TestServer
  readonly definition: AppDefinition
  readonly clusters: number
  readonly seed: boolean
  /** Migrates, and seeds when asked to. Every session must be closed when it resolves. */
  readonly fill: (clusters: readonly ClusterOptions[]) => Promise<void>
}

/** Templates by definition and what else went into them. They live in this process's server, and go with it. */
const templates = new WeakMap<AppDefinition, Map<string, Promise<readonly string[]>>>()

/** Names of clusters: `c0`, `c1`, … */
const nameOf = (index: number): string => `c${index}`

/** Clones the template of an app, made at the first call: one fresh database for each cluster. */
export async function cloneTemplate(options: TemplateOptions): Promise<ClusterOptions[]> {
  const template = await templateOf(options)
  const made: string[] = []
  try {
    for (const from of template) {
      const name = newDatabaseName()
      await createTestDatabase(options.server, name, from)
      made.push(name)
    }
    return toClusters(options.server, made)
  } catch (error) {
    for (const name of made) await dropTestDatabase(options.server, name)
    throw error
  }
}

const toClusters = (server: TestServer, names: readonly string[]): ClusterOptions[] =>
  names.map((name, index) => ({ name: nameOf(index), connection: server.connection(name) }))

function templateOf(options: TemplateOptions): Promise<readonly string[]> {
  const { definition, server, clusters, seed } = options
  const key = JSON.stringify([server.id, clusters, seed, hashOf(definition.options.migrations)])
  const ofDefinition = templates.get(definition) ?? new Map<string, Promise<readonly string[]>>()
  templates.set(definition, ofDefinition)
  let template = ofDefinition.get(key)
  if (template === undefined) {
    template = makeTemplate(options)
    ofDefinition.set(key, template)
    // The next test tries again, and tells the same.
    template.catch(() => ofDefinition.delete(key))
  }
  return template
}

async function makeTemplate({ server, clusters, fill }: TemplateOptions): Promise<readonly string[]> {
  const names = Array.from({ length: clusters }, newDatabaseName)
  try {
    for (const name of names) await createTestDatabase(server, name)
    await fill(toClusters(server, names))
    return names
  } catch (error) {
    for (const name of names) await dropTestDatabase(server, name)
    throw error
  }
}

/** Files may change while a watching test runner keeps the process. */
function hashOf(dir: URL): string {
  const hash = createHash('sha256')
  for (const name of list(dir)) hash.update(`${name}\0`).update(readFileSync(join(fileURLToPath(dir), name)))
  return hash.digest('hex')
}

function list(dir: URL): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => name.endsWith('.sql'))
      .sort()
  } catch {
    return [] // the migration runner says what is wrong with the folder
  }
}
