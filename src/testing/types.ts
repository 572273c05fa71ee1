import type { RuntimeOptions } from '../app/runtime.ts'
import type { Placing, System } from '../app/types.ts'
import type { ClientOptions, TestClient, TestFetch } from './client.ts'
import type { TestClock } from './clock.ts'
import type { TestFault } from './fault.ts'
import type { TestSql } from './sql.ts'

/** How to start an app for a test. */
export interface StartTestOptions {
  /** Each has half of the buckets when there are two. @defaultValue 1 */
  readonly clusters?: 1 | 2
  /** Whether the app's `seed` has run. It is part of the template, so it costs time only once. @defaultValue false */
  readonly seed?: boolean
  /**
   * Whether commits survive when PostgreSQL is killed. Slower: data lies on disk and is flushed.
   * @defaultValue false
   */
  readonly durable?: boolean
  /** What differs from the defaults of a test: silent log, a fixed signing key, every `work` run twice. */
  readonly config?: Partial<Omit<RuntimeOptions, 'clusters' | 'clock'>>
}

/** An app that runs on fresh databases, for one test. */
export interface TestApp<Schema, P extends Placing<Schema>> extends AsyncDisposable {
  /** What the app's own code works with. */
  readonly system: System<Schema, P>
  /** Sends a request through the real web handler, in this process and without a port; keeps no cookies. */
  readonly fetch: TestFetch
  /** Someone with cookies of their own; two clients are two people. */
  client(options?: ClientOptions): TestClient
  /** Where relative URLs lead. A real address after {@link TestApp.listen}. */
  readonly url: string
  /** Also listens on a free port of the loopback interface, for browsers and load. Returns the URL. */
  listen(): Promise<string>
  /** The app's clock. Running, and can be put forward; limits and kept results expire with it. Timestamps of your own that SQL compares with `now()` do not. */
  readonly clock: TestClock
  readonly fault: TestFault
  readonly jobs: {
    /**
     * Runs every job that is due, and those that they bring about, until none is left. Jobs run only here, unless
     * `config.runJobs` is true. What fails is tried again when its time has come: see {@link TestApp.clock}.
     */
    drain(): Promise<void>
  }
  /** Raw SQL on a cluster; the fence holds for it too. @defaultValue the home cluster, `c0` */
  sql(cluster?: string): TestSql
  /**
   * Stops the app and drops its databases, as the end of `await using` does. Idempotent.
   * @throws TestLeak when a session with a database is still open
   */
  stop(): Promise<void>
}
