import { z } from 'zod'

/** `512MB`, `2GB`, `1.5g`; a bare number is megabytes. */
const SIZE = /^(\d+(?:\.\d+)?)\s*(k|kb|kib|m|mb|mib|g|gb|gib|t|tb|tib)?$/i
const UNIT_MB: Readonly<Record<string, number>> = { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 }

/** So many databases share the sessions of one embedded server. */
const CLUSTERS_MAX = 16

const port = z.coerce.number().int().min(0).max(65535)

const memory = z
  .union([z.number(), z.string()])
  .refine((value) => SIZE.test(String(value).trim()), 'is not a size; write e.g. 512MB or 2GB')
  .transform((value) => {
    const [, amount = '0', unit = 'm'] = SIZE.exec(String(value).trim()) ?? []
    return Math.floor(Number(amount) * (UNIT_MB[unit[0]!.toLowerCase()] ?? 1))
  })

/** An array, or in the environment one text with the items apart by spaces or commas. */
const list = (item: z.ZodType<string>) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.split(/[\s,]+/).filter((part) => part !== '') : value),
    z.array(item),
  )

const signingKey = z
  .string()
  .regex(
    /^[A-Za-z0-9+/_-]{43,}={0,2}$/,
    'is not a key of 32 bytes or more in base64; make one with `openssl rand -base64 32`',
  )

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const

/**
 * All that can be configured, by file (`tenfold.config.json`), environment (`TENFOLD_…`) and, mostly, by flag.
 * docs/operations.md describes each; a test compares the names.
 */
export const configSchema = z.strictObject({
  /** TCP port of the application on 127.0.0.1; 0 takes a free one. @defaultValue 3000 */
  port: port.optional(),
  /** TCP port of health, metrics and the status on 127.0.0.1; 0 takes a free one. @defaultValue 3001 */
  consolePort: port.optional(),
  /** The state folder. @defaultValue `.tenfold` in the working folder */
  data: z.string().min(1).optional(),
  /** PostgreSQL databases by URL, one per cluster, instead of the embedded server. */
  database: list(
    z.string().regex(/^postgres(ql)?:\/\//, 'is not a URL that begins with postgres://'),
  ).optional(),
  /** Clusters (databases) in the embedded server. @defaultValue 1 */
  clusters: z.coerce.number().int().min(1).max(CLUSTERS_MAX).optional(),
  /**
   * With replicas: `strict` has each commit on two disks before it is acknowledged, and lets commits wait while no replica is
   * there; `available` lets them go on then, on one disk. @defaultValue strict
   */
  durability: z.enum(['strict', 'available']).optional(),
  /** Folder with `initdb` and `postgres`. @defaultValue PostgreSQL from npm */
  pgBin: z.string().min(1).optional(),
  /** Processors to size for; may be a fraction. @defaultValue those of the machine */
  cpu: z.coerce.number().positive().max(1024).optional(),
  /** Memory to size for, e.g. `2GB`. @defaultValue a small share of the machine's */
  memory: memory.optional(),
  /** Keys that sign cookies and tokens, base64, newest first: the first signs, all verify. @defaultValue made once, in the state folder */
  signingKeys: list(signingKey).optional(),
  /** Certificate and key files in PEM form: the application then speaks HTTPS. */
  tls: z.strictObject({ cert: z.string().min(1), key: z.string().min(1) }).optional(),
  /** Addresses or CIDR ranges of proxies whose X-Forwarded-For is believed. @defaultValue none */
  trustedProxies: list(
    z.string().regex(/^[0-9a-f.:]+(\/\d{1,3})?$/i, 'is not an address or CIDR range'),
  ).optional(),
  /** The server process is replaced when it answers its guard nothing for so long; 0 never. @defaultValue 30 */
  unresponsiveSeconds: z.coerce.number().min(0).max(3600).optional(),
  /** The least severe level that is logged. @defaultValue info */
  logLevel: z.enum(LOG_LEVELS).optional(),
})

/** Configuration after validation; what is absent has its default. */
export type Config = z.output<typeof configSchema>

/** Environment variables and the place of each in the configuration. */
export const ENVIRONMENT: Readonly<Record<string, readonly [key: keyof Config, part?: string]>> = {
  TENFOLD_PORT: ['port'],
  TENFOLD_CONSOLE_PORT: ['consolePort'],
  TENFOLD_DATA: ['data'],
  TENFOLD_DURABILITY: ['durability'],
  TENFOLD_DATABASE: ['database'],
  TENFOLD_CLUSTERS: ['clusters'],
  TENFOLD_PG_BIN: ['pgBin'],
  TENFOLD_CPU: ['cpu'],
  TENFOLD_MEMORY: ['memory'],
  TENFOLD_SIGNING_KEYS: ['signingKeys'],
  TENFOLD_TLS_CERT: ['tls', 'cert'],
  TENFOLD_TLS_KEY: ['tls', 'key'],
  TENFOLD_TRUSTED_PROXIES: ['trustedProxies'],
  TENFOLD_UNRESPONSIVE_SECONDS: ['unresponsiveSeconds'],
  TENFOLD_LOG_LEVEL: ['logLevel'],
}
