export { type Account, createAccount, logIn, type NewAccount } from './accounts.ts'
export type { Author, Post, PostCard } from './cards.ts'
export { readFeed } from './feed.ts'
export { type FollowState, follow, type Relationship, relationship, unfollow } from './follows.ts'
export { drawnAt, isPostId, isUserId, nextPostId, timeOf } from './ids.ts'
export { feedJobs } from './jobs.ts'
export { type LikeState, like, unlike } from './likes.ts'
export type { PageOf, PageOptions } from './pages.ts'
export {
  createPhoto,
  deletePhoto,
  editPhoto,
  getOwnPhoto,
  getPhoto,
  type NewPhoto,
  type OwnPhoto,
  type Photo,
  type PhotoState,
  paintPhoto,
  photoJobs,
  photoOwner,
  photoState,
  servePhoto,
  type Variant,
} from './photos/index.ts'
export { type Lightbox, t } from './placing.ts'
export { createPost, getPost, listPosts, recentPosts } from './posts.ts'
export { type FieldProblem, logInRequired, notFound, Problem } from './problems.ts'
export {
  type Address,
  changeProfile,
  getPerson,
  getPersonByHandle,
  newestPeople,
  type Person,
  type Profile,
  type ProfileChange,
  profileJson,
} from './profiles.ts'
