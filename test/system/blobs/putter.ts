import { createLocalBlobs } from '../../../src/blobs/local.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/log.ts'
import { seededRandom, systemRandom } from '../../../src/core/random.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'

// putter.ts FOLDER SEED STEP|-: stores contents drawn from the seed, one after the other, and prints the name of each
// that is acknowledged. With a STEP it ends itself by SIGKILL there; without, it goes on until someone ends it.
const [folder, seed, fatal] = process.argv.slice(2) as [string, string, string]

const blobs = createLocalBlobs({
  folder,
  store: {} as never,
  clock: systemClock,
  random: systemRandom(),
  log: silentLogger,
  metrics: createMetrics({ processMetrics: false }),
  onPutStep: (step) => {
    if (step === fatal) process.kill(process.pid, 'SIGKILL')
  },
})
await blobs.start()
const dice = seededRandom(Number(seed))

async function* content(): AsyncGenerator<Uint8Array> {
  for (let left = 1 + Math.floor(dice.next() * 4); left > 0; left--)
    yield dice.bytes(1 + Math.floor(dice.next() * 200_000))
}

for (let count = 0; fatal === '-' || count < 1; count++) {
  const { id } = await blobs.put(content(), { bytesMax: 10_000_000 })
  process.stdout.write(`${id}\n`)
}
process.stdout.write('end\n')
