import { pageScript } from './script.ts';

/**
 * Asks again for a page that waits and whose address has a fragment: a refresh of such an address only goes to the fragment in the page
 * that stands (HTML, "shared declarative refresh steps" and "navigate": a URL that differs by nothing but has a fragment is navigated
 * to within the document). Without a script the page waits for whoever reads it.
 */
export const waitingScript = pageScript(
  `const{content}=document.querySelector('meta[http-equiv=refresh]');if(location.hash)setTimeout(()=>location.reload(),content*1000)`,
);
