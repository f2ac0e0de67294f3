/**
 * The way home from JupyterLab: Knot's mark in place of Jupyter's. A prebuilt extension written by hand, so that nothing is built:
 * JupyterLab loads this file and asks the container it leaves in `_JUPYTERLAB` for `./extension` (module federation).
 */
(() => {
  'use strict';
  const home = /*HOME*/ '/';
  const path = /*MARK*/ '';

  const addMark = () => {
    const logo = globalThis.document.getElementById('jp-MainLogo');
    if (!logo) return;
    const svg = `<svg width="20" height="20" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.6" stroke-linecap="round" aria-hidden="true"><path d="${path}"/></svg>`;
    const link = Object.assign(globalThis.document.createElement('a'), {
      href: home,
      title: 'Home: Knot',
      innerHTML: svg,
    });
    link.id = 'knot-home';
    link.setAttribute('aria-label', 'Knot, home');
    link.style.cssText =
      'display:flex;align-items:center;justify-content:center;width:100%;height:100%;color:var(--jp-brand-color1,#2b8298)';
    logo.replaceChildren(link);
  };

  const plugin = {
    id: 'knot-home:plugin',
    description: 'A way back to Knot in the top bar.',
    autoStart: true,
    activate(app) {
      void app.restored.then(addMark);
    },
  };
  const container = { init: () => undefined, get: async () => () => ({ __esModule: true, default: plugin }) };
  (globalThis._JUPYTERLAB ??= {})['knot-home'] = container;
})();
