import lightbox from '../../../../examples/lightbox/app.ts'

/** Lightbox without the community that its seed makes: nothing but what a test does is under way. */
export default { ...lightbox, options: { ...lightbox.options, seed: async () => {} } }
