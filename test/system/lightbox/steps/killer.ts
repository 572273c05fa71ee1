import { appendFileSync, readFileSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Where a server process is to end. */
export interface Plan {
  /** Tells one plan from the next: the steps before it do not count. */
  readonly id: number
  /** The step's name; steps of any name count where it is missing. */
  readonly name?: string | undefined
  /** The first is 1. */
  readonly nth: number
}

/** In a folder that both sides know: the plan, and beside it what was met of each. */
export const planFile = (folder: string): string => join(folder, 'plan.json')
export const logFile = (folder: string, id: number): string => join(folder, `${id}.log`)

/** Counts the steps of this process, and ends it at the one that is planned. Without a plan nothing counts. */
export class Killer {
  readonly #folder: string
  readonly #io = { appendFileSync, readFileSync, unlinkSync }
  #plan: Plan | undefined
  #met = 0
  /** Called when another plan begins. */
  onPlan = (): void => {}

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Whether steps count now. */
  get armed(): boolean {
    return this.#look() !== undefined
  }

  /** A step is about to be done. `last`: what is still done of it when the process ends here. */
  step(name: string, last = (): void => {}): void {
    const plan = this.#look()
    if (!plan) return
    this.#io.appendFileSync(logFile(this.#folder, plan.id), `${name}\n`)
    if (plan.name !== undefined && plan.name !== name) return
    if (++this.#met !== plan.nth) return
    // Once: the process that follows is to do it all.
    this.#io.unlinkSync(planFile(this.#folder))
    last()
    process.kill(process.pid, 'SIGKILL')
    for (;;); // until the signal is there: nothing may happen after it
  }

  #look(): Plan | undefined {
    let plan: Plan
    try {
      plan = JSON.parse(this.#io.readFileSync(planFile(this.#folder), 'utf8')) as Plan
    } catch {
      this.#plan = undefined
      return undefined
    }
    if (plan.id !== this.#plan?.id) {
      this.#met = 0
      this.onPlan()
    }
    this.#plan = plan
    return plan
  }
}
