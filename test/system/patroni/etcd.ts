import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Account } from '../../../src/data/postgres/account.ts'
import { until } from '../kit/deadline.ts'

/** Starts one etcd in its folder and waits until it serves. It ends with the folder's processes. */
export async function startEtcd(
  program: string,
  { dir, port, peerPort, account }: { dir: string; port: number; peerPort: number; account: Account },
): Promise<void> {
  const client = `http://127.0.0.1:${port}`
  const peer = `http://127.0.0.1:${peerPort}`
  const log = openSync(join(dir, 'log'), 'a')
  const flags = [
    ['--name', 'etcd', '--data-dir', join(dir, 'data'), '--log-level', 'warn'],
    ['--listen-client-urls', client, '--advertise-client-urls', client],
    ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ['--initial-cluster', `etcd=${peer}`, '--initial-cluster-token', `tenfold-${port}`],
  ].flat()
  const child = spawn(program, flags, {
    cwd: dir,
    env: { PATH: process.env.PATH, ETCD_UNSUPPORTED_ARCH: process.arch === 'arm64' ? 'arm64' : '' },
    stdio: ['ignore', log, log],
    detached: true,
    ...(account.steppedDown && { uid: account.uid, gid: account.gid }),
  })
  closeSync(log)
  child.unref()
  await until('etcd', async () => {
    if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}; its log: ${dir}/log`)
    const answer = await fetch(`${client}/health`).catch(() => undefined)
    return answer?.ok ? true : undefined
  })
}
