import type { Assets, Limits, Sessions } from './types.ts'

const missing = (name: string) => async (): Promise<never> => {
  throw new Error(`${name} is not composed yet`)
}

export const pendingSessions: Sessions = {
  current: async () => null,
  begin: missing('sessions'),
  update: missing('sessions'),
  end: async () => {},
  endAll: missing('sessions'),
}
export const pendingLimits: Limits = {
  take: async () => ({ allowed: true, remaining: 1, retryAfterSeconds: 0 }),
  enforce: async () => {},
  reset: async () => {},
}
export const pendingAssets: Assets = { url: (path) => `/assets/${path}` }
