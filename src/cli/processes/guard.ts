// The process that `tenfold start` becomes.
import { runGuard } from '../guard-run.ts'

process.exit(await runGuard())
