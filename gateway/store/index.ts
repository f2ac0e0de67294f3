/**
 * store: the one place that opens the database.
 * Owns: the connection (SQLite or PostgreSQL), migrations, transactions, the change feed between processes.
 * Does not own: any query about users, sessions, …: each module's `records.ts` writes its own through `store.db`.
 * Mounts: nothing.
 */
export { openStore, type Store, type Transaction } from './open.ts';
export type { Change, ChangeTopic } from './changes.ts';
export type { NewRow, Row, Tables } from './tables.ts';
export { claimSetting, readSetting, settingOnce, writeSetting } from './settings.ts';
export { lockDataFolder, lockWhenFree, type DataFolderLock } from './lock.ts';
