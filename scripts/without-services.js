// Installs packages without letting them start their services.
import { spawnSync } from 'child_process'
import { asInstaller, onPath } from './apt.js'

/** Debian's maintainer scripts ask this program before they start or restart a service. */
const POLICY = '/usr/sbin/policy-rc.d'
/** The answer "forbidden". */
const FORBIDDEN = 101

/**
 * Forbids starts while process `$1` lives. When it was killed, and so could not restore the machine's own policy, this one
 * answers as that one would: nothing stays forbidden.
 */
const forbidding = (pid, kept) => `#!/bin/sh
kill -0 ${pid} 2>/dev/null && exit ${FORBIDDEN}
[ -x ${kept} ] && exec ${kept} "$@"
exit 0
`

/** What puts a policy in place, and what takes it away; both are shell, since they may have to run by sudo. */
const PUT = '[ -e "$1" ] && mv "$1" "$2"; cat > "$1" && chmod 755 "$1"'
const TAKE = 'rm -f "$1"; [ -e "$2" ] && mv "$2" "$1"; true'

/**
 * Runs `work` (an installation), during which no package starts, stops or restarts a service. `services` that it brought
 * do not start with the machine either.
 */
export function withoutServices(prefix, env, services, work) {
  const policy = env.TENFOLD_DEBIAN_POLICY || POLICY
  const kept = `${policy}.tenfold-kept`
  const shell = (script, input) => {
    const [program, ...args] = prefix.concat('sh', '-c', script, 'sh', policy, kept)
    return spawnSync(program, args, { input, stdio: ['pipe', 2, 2] }).status === 0
  }
  // The machine's own policy may do, as in most containers.
  const forbids = spawnSync(policy, ['etcd', 'start'], { stdio: 'ignore' }).status === FORBIDDEN
  const ours = !forbids
  if (ours && !shell(PUT, forbidding(process.pid, kept))) return false
  try {
    const done = work()
    if (done && services.length > 0 && onPath(env, 'systemctl'))
      asInstaller(prefix, ['systemctl', 'disable', '--quiet'].concat(services))
    return done
  } finally {
    if (ours) shell(TAKE, '')
  }
}
