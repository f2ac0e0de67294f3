/**
 * xterm.js under a policy without inline styles (CSP Level 3 section 6.7.3): it makes `style` elements when it is opened, and sets
 * `style` attributes for colours of programs; neither is applied then. Here a style sheet is adopted instead (CSSOM section 6.2), and an
 * attribute is set by its properties: to the policy neither is inline.
 */
import type { Terminal } from '@xterm/xterm';

/** Whatever `style` element is made meanwhile is a sheet that the document adopts. */
export function withAdoptedStyles(act: () => void): void {
  const make = document.createElement.bind(document) as (tag: string, options?: ElementCreationOptions) => HTMLElement;
  document.createElement = ((tag: string, options?: ElementCreationOptions) =>
    tag.toLowerCase() === 'style' ? adoptedSheet(make('span')) : make(tag, options)) as typeof document.createElement;
  try {
    act();
  } finally {
    // What was put before the method of all documents.
    Reflect.deleteProperty(document, 'createElement');
  }
}

/** Stands where a `style` element would, is never seen, and takes its rules along when it is removed. */
function adoptedSheet(element: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  element.hidden = true;
  Object.defineProperty(element, 'textContent', {
    get: () => '',
    set: (rules: string) => void sheet.replaceSync(rules),
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

type RowFactory = { _addStyle?: (element: HTMLElement, style: string) => void };
type Core = { _core?: { _renderService?: { _renderer?: { value?: { _rowFactory?: RowFactory } } } } };

/** Inside of xterm.js 6.0.0, which is pinned; without it colours of 24 bits are left out, and a test of the terminal page fails. */
export function setStylesByProperty(terminal: Terminal): void {
  const rows = (terminal as unknown as Core)._core?._renderService?._renderer?.value?._rowFactory;
  if (rows) rows._addStyle = (element, style) => void (element.style.cssText += `;${style}`);
}
