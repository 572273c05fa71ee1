const CELEBRITY_FOLLOWERS = 10_000

/** From how many followers on posts are not fanned out. `LIGHTBOX_CELEBRITY_FOLLOWERS` changes it. */
export function celebrityFollowers(): number {
  const wanted = process.env.LIGHTBOX_CELEBRITY_FOLLOWERS
  return wanted !== undefined && /^[1-9]\d{0,8}$/.test(wanted) ? Number(wanted) : CELEBRITY_FOLLOWERS
}
