/** Reads Markdown beside the page, so that a text made to take for ever holds up nobody. */
import { treeOf } from './markdown.ts';

self.addEventListener('message', ({ data }: MessageEvent<string[]>) => {
  self.postMessage(data.map(treeOf));
});
