import { type Finding, fail, ok, warn } from './finding.ts'

/** Facts of the machine and the process. */
export interface MachineFacts {
  /** E.g. `24.21.0`. */
  readonly node: string
  /** Open files that a process may have; undefined where the system does not say. */
  readonly openFiles: number | undefined
  /** Bytes that this user may still write in the state folder. */
  readonly diskFree: number
  readonly folder: string
  /** Permission bits of the file with the secrets; undefined when there is none. */
  readonly secretsMode: number | undefined
}

const NODE_MIN = [22, 18] as const
const OPEN_FILES_MIN = 1024
const OPEN_FILES_GOOD = 4096
const MB = 1024 * 1024
const DISK_MIN = 100 * MB
const DISK_GOOD = 1024 * MB

export function checkMachine(facts: MachineFacts): Finding[] {
  return [checkNode(facts), checkOpenFiles(facts), checkDisk(facts), ...checkSecrets(facts)]
}

function checkNode({ node }: MachineFacts): Finding {
  const [major = 0, minor = 0] = node.split('.').map(Number)
  const isNewEnough = major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])
  if (isNewEnough) return ok('node', `Node.js ${node}`)
  return fail('node', `Node.js ${node} is too old`, `Install Node.js ${NODE_MIN.join('.')} or newer.`)
}

function checkOpenFiles({ openFiles }: MachineFacts): Finding {
  if (openFiles === undefined) return ok('open files', 'the system does not tell the limit')
  const remedy = 'Raise it: `ulimit -n 65536`, or LimitNOFILE=65536 in the systemd unit.'
  if (openFiles < OPEN_FILES_MIN)
    return fail('open files', `only ${openFiles} are allowed; each client needs one`, remedy)
  if (openFiles < OPEN_FILES_GOOD)
    return warn('open files', `${openFiles} are allowed; each client needs one`, remedy)
  return ok('open files', `${openFiles} are allowed`)
}

function checkDisk({ diskFree, folder }: MachineFacts): Finding {
  const message = `${Math.floor(diskFree / MB)} MB free at ${folder}`
  const remedy =
    'Make room, or move the state folder to a larger disk (--data DIR). A full disk stops all writes.'
  if (diskFree < DISK_MIN) return fail('disk', message, remedy)
  return diskFree < DISK_GOOD ? warn('disk', message, remedy) : ok('disk', message)
}

function checkSecrets({ secretsMode, folder }: MachineFacts): Finding[] {
  if (secretsMode === undefined) return []
  if ((secretsMode & 0o077) === 0) return [ok('secrets', 'only their owner can read them')]
  return [
    fail(
      'secrets',
      'others can read the signing keys',
      `\`chmod 600 ${folder}/secrets.json\`, then replace the keys.`,
    ),
  ]
}
