/**
 * A document for xterm.js under a policy without inline styles (CSP Level 3 section 6.7.3): it makes `style` elements and sets `style`
 * attributes, which are not applied then. Here a style sheet is adopted instead (CSSOM section 6.2) and an attribute is set by its
 * properties; neither is inline to the policy. Everything else is the document's own.
 */
export function documentFor(owner: Document): Document {
  const methods = new Map<PropertyKey, unknown>();
  return new Proxy(owner, {
    get(target, name) {
      if (name === 'createElement') return (tag: string) => createElement(target, tag);
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      // One and the same each time: listeners are taken off by what they were put on with.
      if (!methods.has(name)) methods.set(name, (value as (...args: unknown[]) => unknown).bind(target));
      return methods.get(name);
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
}

function createElement(owner: Document, tag: string): HTMLElement {
  if (tag.toLowerCase() === 'style') return sheetElement(owner);
  const element = owner.createElement(tag);
  element.setAttribute = (name, value) => {
    if (name.toLowerCase() === 'style') element.style.cssText = value;
    else Element.prototype.setAttribute.call(element, name, value);
  };
  return element;
}

/** Stands where a `style` element would, is never seen, and takes its rules along when it is removed. */
function sheetElement(owner: Document): HTMLElement {
  const sheet = new CSSStyleSheet();
  owner.adoptedStyleSheets.push(sheet);
  const element = owner.createElement('span');
  element.hidden = true;
  Object.defineProperty(element, 'textContent', {
    get: () => '',
    set: (rules: string) => sheet.replaceSync(rules),
  });
  element.remove = () => {
    owner.adoptedStyleSheets = owner.adoptedStyleSheets.filter((one) => one !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}
