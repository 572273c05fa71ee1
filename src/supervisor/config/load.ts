import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConfigInvalid } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { type Config, configSchema, ENVIRONMENT } from './schema.ts'

export const CONFIG_FILE = 'tenfold.config.json'

/** Values as given, before validation. */
export type RawConfig = { readonly [key in keyof Config]?: unknown }

/** Where configuration comes from; the later wins: file, environment, flags. */
export interface ConfigSources {
  /** The file, as named by --config; it must exist. */
  readonly file?: string | undefined
  /** Folders to look for {@link CONFIG_FILE} in when no file is named: the application's, then the working folder. */
  readonly folders: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly flags: RawConfig
}

/** Merges and validates. @throws ConfigInvalid naming the source of what is wrong, with the nearest right name. */
export function loadConfig(sources: ConfigSources): Config {
  const path = configPath(sources)
  const file = path === undefined ? {} : check(readJson(path), path)
  const env = check(fromEnvironment(sources.env), 'the environment')
  const flags = check(sources.flags as Record<string, unknown>, 'the command line')
  const config: Config = { ...relativeTo(path, file), ...env, ...flags }
  if (
    config.database !== undefined &&
    config.clusters !== undefined &&
    config.clusters !== config.database.length
  ) {
    throw new ConfigInvalid(
      `${config.clusters} clusters are asked for, but ${config.database.length} database URLs are given.`,
      'Give one --database URL for each cluster, or leave --clusters out.',
    )
  }
  return config
}

function configPath({ file, folders }: ConfigSources): string | undefined {
  if (file === undefined)
    return folders.map((folder) => join(folder, CONFIG_FILE)).find((path) => existsSync(path))
  if (existsSync(file)) return resolve(file)
  throw new ConfigInvalid(`There is no configuration file ${file}.`, 'Check the path that --config names.')
}

function readJson(path: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new ConfigInvalid(`${path} is not JSON: ${(error as Error).message}.`, 'Correct the file.', {
      cause: error,
    })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const { $schema: _, ...rest } = value as Record<string, unknown>
    return rest
  }
  throw new ConfigInvalid(`${path} holds no object.`, 'Write e.g. { "port": 3000 }.')
}

/** Paths in a file are relative to that file. */
function relativeTo(path: string | undefined, config: Config): Config {
  if (path === undefined) return config
  const at = (value: string): string => resolve(dirname(path), value)
  return {
    ...config,
    ...(config.data !== undefined && { data: at(config.data) }),
    ...(config.pgBin !== undefined && { pgBin: at(config.pgBin) }),
    ...(config.tls !== undefined && { tls: { cert: at(config.tls.cert), key: at(config.tls.key) } }),
  }
}

/** Not configuration: switches of our own tests and tools. */
const OTHER_VARIABLES = /^TENFOLD_(TEST|BENCH|INTERNAL)_/

function fromEnvironment(env: ConfigSources['env']): Record<string, unknown> {
  const raw: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('TENFOLD_') || value === undefined || value === '' || OTHER_VARIABLES.test(name))
      continue
    const place = ENVIRONMENT[name]
    if (place === undefined) {
      const right = nearest(name, Object.keys(ENVIRONMENT))
      if (right === undefined) continue
      throw new ConfigInvalid(`The environment variable ${name} is not known.`, `Did you mean ${right}?`)
    }
    const [key, part] = place
    raw[key] = part === undefined ? value : { ...(raw[key] as object | undefined), [part]: value }
  }
  return raw
}

function check(raw: Record<string, unknown>, source: string): Config {
  const result = configSchema.safeParse(raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  if (issue.code === 'unrecognized_keys') {
    const wrong = issue.keys[0]!
    const known = issue.path.length === 0 ? Object.keys(configSchema.shape) : ['cert', 'key']
    const right = nearest(wrong, known)
    throw new ConfigInvalid(
      `${JSON.stringify([...issue.path, wrong].join('.'))} in ${source} is not a known setting.`,
      right === undefined ? `Known are: ${known.join(', ')}.` : `Did you mean "${right}"?`,
    )
  }
  throw new ConfigInvalid(
    `${JSON.stringify(issue.path.join('.'))} in ${source} is wrong: ${issue.message}.`,
    'Correct the value; docs/operations.md describes each setting.',
  )
}
