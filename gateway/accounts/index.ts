/**
 * accounts: who exists.
 * Owns: users, teams, memberships, names, passwords, one-time links; the principal built from them.
 * Does not own: sessions, throttling of sign-in (login), tokens (oidc).
 * Mounts: nothing; api and login call it.
 */
export type { Loss, LossReason, OnLoss, Verified } from './loss.ts';
export type {
  Accounts,
  Actor,
  ChangedUser,
  Link,
  LinkKind,
  Membership,
  MembershipUndo,
  NewUser,
  RecordAudit,
  Team,
  TeamSummary,
  User,
  UserPage,
  UserQuery,
} from './model.ts';
export { type AccountsOptions, createAccounts } from './service.ts';
export type { UserUndo } from './undo.ts';
