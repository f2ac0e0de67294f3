/** Markdown as a tree of what is shown; HTML in it is a text like any other. */
import type { Nodes, Root } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { gfm } from 'micromark-extension-gfm';

/** Deeper ones are nobody's text; what is below is shown as its words. */
const mostDeep = 40;

/** A node without its place in the source. References are links and images of their own. */
export function treeOf(text: string): Root {
  const tree = fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  const addresses = new Map<string, string>();
  collect(tree, addresses, 0);
  return simple(tree, addresses, 0) as Root;
}

function collect(node: Nodes, addresses: Map<string, string>, depth: number): void {
  if (node.type === 'definition' && !addresses.has(node.identifier)) addresses.set(node.identifier, node.url);
  if ('children' in node && depth < mostDeep) for (const child of node.children) collect(child, addresses, depth + 1);
}

function simple(node: Nodes, addresses: Map<string, string>, depth: number): Nodes {
  const { position: _, ...plain } = node;
  if (plain.type === 'imageReference') {
    return { type: 'image', url: addresses.get(plain.identifier) ?? '', alt: plain.alt ?? '' };
  }
  if (!('children' in plain)) return plain as Nodes;
  if (depth >= mostDeep) return { type: 'text', value: '…' };
  const children = plain.children.map((child) => simple(child, addresses, depth + 1));
  if (plain.type === 'linkReference') {
    return { type: 'link', url: addresses.get(plain.identifier) ?? '', children } as Nodes;
  }
  return { ...plain, children } as Nodes;
}

/** The words of a node. */
export function wordsOf(node: Nodes): string {
  if ('value' in node) return node.value;
  return 'children' in node ? node.children.map(wordsOf).join('') : '';
}

/** What a link to a heading calls it, as forges of code do. */
export const slugOf = (words: string): string =>
  words
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
