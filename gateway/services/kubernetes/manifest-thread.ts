/** The body of a thread that reads what one chart renders and does nothing else (`aside.ts` starts it). */
import { parentPort, workerData } from 'node:worker_threads';
import { NotAManifest, readManifest } from './manifest.ts';

try {
  parentPort!.postMessage({ objects: readManifest(workerData as string) });
} catch (error) {
  const isPlain = error instanceof NotAManifest;
  parentPort!.postMessage({ refused: isPlain ? error.message : 'it is no YAML that can be read' });
}
