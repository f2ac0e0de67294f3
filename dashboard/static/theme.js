// Runs before the first paint, so that a chosen theme never flashes the other one. 'auto' (or nothing) follows the system.
(() => {
  let theme = null;
  try {
    theme = localStorage.getItem('knot-theme');
  } catch {
    // Storage may be blocked; the page then follows the system.
  }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
