import { closeSync, fsyncSync, readFileSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { codeOf } from '../walk/errors.ts';
import type { HeldFolder } from '../walk/held-folder.ts';
import { type Name, nameOf, textOf } from '../walk/names.ts';

/** Size of what is held back on each disk: deleting writes a record before it frees anything. */
const reserveBytes = 256 * 1024;
const reserve = nameOf('.reserve');

/**
 * Small facts about files, one JSON file each. On a full disk the room that is held back in the same folder is given up for them.
 * @param isSynced on the disk when this returns; without it, whoever needs that calls `syncRecord`
 */
export function writeRecord(folder: HeldFolder, name: Name, record: object, { isSynced = true } = {}): void {
  try {
    write(folder, name, JSON.stringify(record), isSynced);
  } catch (error) {
    if (codeOf(error) !== 'ENOSPC' || !giveUpReserve(folder)) throw error;
    write(folder, name, JSON.stringify(record), isSynced);
  }
}

function write(folder: HeldFolder, name: Name, text: string, isSynced: boolean): void {
  // Never half a record under its name.
  const unfinished = nameOf(`${textOf(name)}~`);
  if (folder.look(unfinished)) folder.remove(unfinished);
  const descriptor = folder.newFile(unfinished);
  try {
    writeSync(descriptor, text);
    if (isSynced) fsyncSync(descriptor);
  } catch (error) {
    folder.remove(unfinished);
    throw error;
  } finally {
    closeSync(descriptor);
  }
  folder.rename(unfinished, folder, name);
  if (isSynced) folder.sync();
}

/** Brings a record that is written to the disk, while others go on. */
export async function syncRecord(folder: HeldFolder, name: Name): Promise<void> {
  for (const path of [folder.at(name), folder.self()]) {
    const handle = await open(path, 'r');
    await handle.sync().finally(() => handle.close());
  }
}

/** Undefined when there is none that can be read. */
export function readRecord<T extends object>(folder: HeldFolder, name: Name): T | undefined {
  try {
    const descriptor = folder.file(name);
    try {
      return JSON.parse(readFileSync(descriptor, 'utf8')) as T;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}

/** Holds back a little room in a folder, where there is any. */
export function holdReserve(folder: HeldFolder): void {
  if (folder.look(reserve)) return;
  let descriptor: number | undefined;
  try {
    descriptor = folder.newFile(reserve);
    writeSync(descriptor, Buffer.alloc(reserveBytes));
  } catch {
    giveUpReserve(folder);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

export function giveUpReserve(folder: HeldFolder): boolean {
  try {
    folder.remove(reserve);
    return true;
  } catch {
    return false;
  }
}
