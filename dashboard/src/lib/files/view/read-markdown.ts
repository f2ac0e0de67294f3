import type { Root } from 'mdast';

const mostMilliseconds = 5000;

/**
 * The trees of some texts.
 * @throws Error when they take longer than anybody waits, or cannot be read
 */
export function readMarkdown(texts: readonly string[]): Promise<Root[]> {
  const worker = new Worker(new URL('./markdown-worker.ts', import.meta.url), { type: 'module' });
  return new Promise<Root[]>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('It takes too long.')), mostMilliseconds);
    worker.onmessage = ({ data }: MessageEvent<Root[]>) => resolve(data);
    worker.onerror = () => reject(new Error('It cannot be read.'));
    worker.postMessage(texts);
    worker.addEventListener('message', () => clearTimeout(timer));
  }).finally(() => worker.terminate());
}
