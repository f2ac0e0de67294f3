import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Seconds between two samples, and how many are kept: a day. */
export const sampleSeconds = 15;
export const keptSamples = 86_400 / sampleSeconds;

/** What a service used in one step of `sampleSeconds`: processors and bytes of memory; then counts. */
export type Sample = {
  cpu: number;
  memory: number;
  requests: number;
  errors: number;
  received: number;
  sent: number;
};

/** Number of the step that a moment (milliseconds) lies in. */
export const stepAt = (at: number): number => Math.floor(at / 1000 / sampleSeconds);

/** Number of the step, cpu, memory, requests, errors, received, sent; four bytes each and four to spare. */
const recordBytes = 32;

export type Rings = {
  write(id: string, step: number, sample: Sample): Promise<void>;
  /** What is kept from one step to another, by step. */
  read(id: string, from: number, to: number): Promise<Map<number, Sample>>;
  remove(id: string): Promise<void>;
  ids(): Promise<string[]>;
};

/**
 * A file of fixed size for each service: the sample of a step has its place by its number, and the one of a day ago makes room for it. A
 * record that is cut short by the end of the machine is one sample that is wrong, or none.
 */
export function openRings(folder: string): Rings {
  const fileOf = (id: string): string => join(folder, id);

  return {
    async write(id, step, { cpu, memory, requests, errors, received, sent }) {
      const record = new DataView(new ArrayBuffer(recordBytes));
      record.setUint32(0, step);
      record.setFloat32(4, cpu);
      record.setFloat32(8, memory);
      record.setUint32(12, requests);
      record.setUint32(16, errors);
      record.setFloat32(20, received);
      record.setFloat32(24, sent);
      const file = await open(fileOf(id), 'r+').catch(async (error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        await mkdir(folder, { recursive: true, mode: 0o700 });
        return open(fileOf(id), 'w+', 0o600);
      });
      try {
        await file.write(record, 0, recordBytes, (step % keptSamples) * recordBytes);
      } finally {
        await file.close();
      }
    },
    async read(id, from, to) {
      const bytes = await readFile(fileOf(id)).catch(() => Buffer.alloc(0));
      const records = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const found = new Map<number, Sample>();
      for (let at = 0; at + recordBytes <= bytes.byteLength; at += recordBytes) {
        const step = records.getUint32(at);
        if (step < from || step > to) continue;
        found.set(step, {
          cpu: records.getFloat32(at + 4),
          memory: records.getFloat32(at + 8),
          requests: records.getUint32(at + 12),
          errors: records.getUint32(at + 16),
          received: records.getFloat32(at + 20),
          sent: records.getFloat32(at + 24),
        });
      }
      return found;
    },
    remove: (id) => rm(fileOf(id), { force: true }),
    ids: () => readdir(folder).catch(() => []),
  };
}
