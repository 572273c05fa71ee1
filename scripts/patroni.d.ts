/** Where Patroni and its engines lie. */
export interface Programs {
  readonly patroni: string
  readonly etcd: string
  /** The folder of PostgreSQL's programs. */
  readonly pgBin: string
}
export function findPatroni(env: NodeJS.ProcessEnv): Programs | undefined
/** @throws Error that says what to install */
export function ensurePatroni(env: NodeJS.ProcessEnv): Programs
