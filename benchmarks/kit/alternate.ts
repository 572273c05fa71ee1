/** One of the things that are compared. `sample` measures it once, for about as long as the others take. */
export interface Contestant<Sample> {
  readonly name: string
  sample(): Promise<Sample>
}

/**
 * Runs all contestants in turn, `rounds` times, every other round in reverse order: what drifts (heat, a
 * neighbour's load, a growing table) meets all of them alike. Result: by name, one sample for each round.
 */
export async function alternate<Sample>(
  contestants: readonly Contestant<Sample>[],
  rounds: number,
  onRound: (round: number, samples: ReadonlyMap<string, Sample>) => void = () => {},
): Promise<Map<string, Sample[]>> {
  const all = new Map<string, Sample[]>(contestants.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? contestants : contestants.toReversed()
    const samples = new Map<string, Sample>()
    for (const { name, sample } of order) samples.set(name, await sample())
    for (const [name, sample] of samples) all.get(name)?.push(sample)
    onRound(round, samples)
  }
  return all
}
