// Loaded by `NODE_OPTIONS=--import` into the processes of `tenfold start` (see server.ts): makes every step of the
// server process one at which it can be ended. The product knows nothing of it.
import { watchFiles } from './files.ts'
import { Killer } from './killer.ts'
import { watchWire } from './wire.ts'

const { STEPS_FOLDER: folder = '', STEPS_DATA: data = '' } = process.env
/** The longest pause of the guard between two starts of a server that ended again and again. Milliseconds. */
const GUARD_PAUSE_MS_MAX = 5_000

const process_ = /processes\/(\w+)\.ts$/.exec(process.argv[1] ?? '')?.[1]
if (process_ === 'guard') leaveOutPauses()
if (process_ === 'server') {
  const killer = new Killer(folder)
  watchFiles(data, killer)
  watchWire(killer)
}

/** A sweep ends its server more often than any guard would let pass at once. */
function leaveOutPauses(): void {
  const { setTimeout: wait } = globalThis
  const hurried = (run: () => void, ms: number) => wait(run, ms <= GUARD_PAUSE_MS_MAX ? 0 : ms)
  globalThis.setTimeout = hurried as never
}
