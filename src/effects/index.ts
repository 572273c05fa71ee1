export { createEffects, type EffectsOptions, type EffectsService } from './effects.ts'
