import { TenfoldError } from '../core/errors.ts'

/** A test app left something open when it was disposed. */
export class TestLeak extends TenfoldError {
  readonly code = 'TENFOLD_TEST_LEAK'
  constructor(leaks: readonly string[]) {
    super(
      `The app under test left open:\n${leaks.map((leak) => `  ${leak}`).join('\n')}`,
      'Release it before the app is disposed: end your own clients, await what you started.',
    )
  }
}

/** What a test asks for does not exist or comes too late. */
export class TestMisuse extends TenfoldError {
  readonly code = 'TENFOLD_TEST_MISUSE'
}
