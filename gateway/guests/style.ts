import { pageStyleOf } from '../lib/index.ts';

/** What the pages of guests have beside the other pages: a wider card, and rows of files that fold on a phone. */
export const guestStyle = pageStyleOf(
  [
    `main,footer{max-width:44rem}`,
    `.trail{display:flex;flex-wrap:wrap;gap:var(--space-1) var(--space-2);font-size:.875rem}`,
    `.trail li+li::before{content:"/";margin-right:var(--space-2);color:var(--soft)}`,
    `ol,ul{list-style:none}ol{margin:0;padding:0}`,
    `.sorts{display:flex;flex-wrap:wrap;align-items:center;gap:var(--space-1) var(--space-4);font-size:.875rem;color:var(--soft)}`,
    `.sorts a,.trail a,.pages a{display:inline-flex;align-items:center;min-height:1.75rem}`,
    `.sorts [aria-current]{color:var(--text);font-weight:var(--weight-strong)}`,
    `.files li{display:grid;grid-template-columns:1.5rem minmax(0,1fr) auto;gap:0 var(--space-3);align-items:center;min-height:3.25rem;padding:var(--space-2) 0;border-top:1px solid var(--line)}`,
    `.files li:last-child{border-bottom:1px solid var(--line)}`,
    `.files svg{color:var(--soft)}`,
    `.files .name{overflow-wrap:anywhere}`,
    `.files .about{grid-column:2;font-size:var(--size-small);color:var(--soft);font-variant-numeric:tabular-nums}`,
    `.files .keep{grid-row:1/span 2;grid-column:3;display:inline-flex;align-items:center;min-height:var(--target);padding-inline:var(--space-2);font-size:.875rem}`,
    `.files .bad{color:var(--failed)}`,
    `.pages{display:flex;justify-content:space-between;gap:var(--space-4)}`,
    `.drop{display:grid;gap:var(--space-2);padding:var(--space-6);border:1.5px dashed var(--edge);border-radius:var(--radius)}`,
    `.drop.over{border-color:var(--accent);background:var(--accent-wash)}`,
    `.drop input[type=file]{border:0;padding-inline:0;background:none}`,
    `progress{width:100%;height:.375rem;accent-color:var(--accent)}`,
    `.empty{padding:var(--space-6);text-align:center;color:var(--soft);background:var(--sunken);border-radius:var(--radius)}`,
    `@media (pointer:coarse){.sorts a,.trail a,.pages a{min-height:var(--target)}}`,
  ].join(''),
);
