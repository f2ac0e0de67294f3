/**
 * The way back that an answer of the API holds (`undo`): it is sent to the same address. As plain data it outlives the page that got
 * the answer.
 */
import type { Topic } from '#lib/contract.ts';

export type UndoRequest = {
  method: 'PATCH' | 'PUT' | 'POST';
  path: string;
  body: object;
  topic: Topic;
  /** Of one among many: whom or what it is about, for saying that it could not be taken back. */
  name?: string;
  /** The path that what comes back had: it is told when it comes back elsewhere. */
  where?: string;
  /** A step of the one behind it in the list. */
  isStep?: true;
};

const undos = new WeakMap<object, UndoRequest>();

/** By the first part of the address. */
const topics: Readonly<Record<string, Topic>> = {
  users: 'users',
  teams: 'teams',
  clients: 'clients',
  shares: 'shares',
  services: 'services',
  owners: 'plans',
};

/** Remembers how what was just done is taken back, when the answer says so. A removal is taken back by putting. */
export function noteUndo(method: string, path: string, answer: unknown): void {
  if (typeof answer !== 'object' || answer === null) return;
  const { undo } = answer as { undo?: unknown };
  const topic = topics[path.split('/')[1] ?? ''];
  if (typeof undo !== 'object' || undo === null || topic === undefined) return;
  undos.set(answer, { method: method === 'PATCH' ? 'PATCH' : 'PUT', path, body: undo, topic });
}

/** Remembers a way back that a question of its own knows. */
export function rememberUndo<A extends object>(answer: A, undo: UndoRequest): A {
  undos.set(answer, undo);
  return answer;
}

/** The way back of an answer of the API, if it has one. */
export function undoOf(answer: unknown): UndoRequest | undefined {
  return typeof answer === 'object' && answer !== null ? undos.get(answer) : undefined;
}
