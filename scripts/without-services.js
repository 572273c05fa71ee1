// Installs packages without letting them start their services.
import { spawnSync } from 'child_process'
import { asInstaller, onPath } from './apt.js'

/** Debian's maintainer scripts ask this program before they start or restart a service. */
const POLICY = '/usr/sbin/policy-rc.d'
const KEPT = `${POLICY}.tenfold-kept`
/** The answer "forbidden". */
const FORBIDDEN = 101

/**
 * Forbids starts while process `$1` lives. When it was killed, and so could not restore the machine's own policy, this one
 * answers as that one would: nothing stays forbidden.
 */
const forbidding = (pid) => `#!/bin/sh
kill -0 ${pid} 2>/dev/null && exit ${FORBIDDEN}
[ -x ${KEPT} ] && exec ${KEPT} "$@"
exit 0
`

/** What puts the policy in place, and what takes it away; both are shell, since they may have to run by sudo. */
const PUT = `[ -e ${POLICY} ] && mv ${POLICY} ${KEPT}; cat > ${POLICY} && chmod 755 ${POLICY}`
const TAKE = `rm -f ${POLICY}; [ -e ${KEPT} ] && mv ${KEPT} ${POLICY}; true`

/** Whether the machine's own policy forbids the start of services, as in most containers. */
const forbidsAlready = () => spawnSync(POLICY, ['etcd', 'start'], { stdio: 'ignore' }).status === FORBIDDEN

/**
 * Runs `work` (an installation), during which no package starts, stops or restarts a service. `services` that it brought
 * do not start with the machine either.
 */
export function withoutServices(prefix, env, services, work) {
  const shell = (script, input) =>
    spawnSync(prefix.concat('sh')[0], prefix.concat('sh').slice(1).concat('-c', script), {
      input,
      stdio: ['pipe', 2, 2],
    }).status === 0
  const ours = !forbidsAlready()
  if (ours && !shell(PUT, forbidding(process.pid))) return false
  try {
    const done = work()
    if (done && services.length > 0 && onPath(env, 'systemctl'))
      asInstaller(prefix, ['systemctl', 'disable', '--quiet'].concat(services))
    return done
  } finally {
    if (ours) shell(TAKE, '')
  }
}
