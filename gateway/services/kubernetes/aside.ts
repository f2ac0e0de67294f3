import { Worker } from 'node:worker_threads';
import { NotAManifest, type Rendered } from './manifest.ts';

const bodyFile = new URL('./manifest-thread.ts', import.meta.url);
const patienceMs = 15_000;
const mostMegabytes = 512;

/**
 * Reads what a chart renders in a thread of its own: two megabytes of YAML take seconds, in which nobody else would be answered, and
 * what somebody wrote to be slow takes longer.
 * @throws NotAManifest
 */
export async function readManifestAside(text: string): Promise<Rendered[]> {
  const thread = new Worker(bodyFile, {
    name: 'manifests',
    workerData: text,
    resourceLimits: { maxOldGenerationSizeMb: mostMegabytes },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await new Promise<{ objects: Rendered[] } | { refused: string }>((resolve, reject) => {
      timer = setTimeout(() => resolve({ refused: 'it takes too long to read' }), patienceMs);
      thread.once('message', resolve);
      // Out of memory, among others.
      thread.on('error', () => resolve({ refused: 'it cannot be read' }));
      thread.once('exit', () => reject(new Error('the thread that reads a manifest ended')));
    });
    if ('refused' in answer) throw new NotAManifest(answer.refused);
    return answer.objects;
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
