/** Light, dark, or as the system says. `static/theme.js` applies the stored choice before the first paint. */
export type Theme = 'auto' | 'light' | 'dark';

const key = 'knot-theme';

let chosen = $state<Theme>(stored());

export const theme = {
  get chosen(): Theme {
    return chosen;
  },
  choose(next: Theme): void {
    apply(next);
    try {
      localStorage.setItem(key, next);
    } catch {
      // Storage may be blocked: the choice then lasts until the page is left.
    }
  },
};

let followers: readonly (() => void)[] = [];

/** For what does not take its colours from the style sheet: calls `act` after each change, chosen or of the system, until it is stopped. */
export function followTheme(act: () => void): () => void {
  followers = [...followers, act];
  return () => void (followers = followers.filter((one) => one !== act));
}

const tell = (): void => followers.forEach((act) => act());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', tell);

function apply(next: Theme): void {
  chosen = next;
  if (next === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  tell();
}

// Told by the other tabs only (HTML, "the storage event").
addEventListener('storage', ({ key: changed, newValue }) => {
  if (changed !== key) return;
  apply(newValue === 'light' || newValue === 'dark' ? newValue : 'auto');
});

function stored(): Theme {
  const applied = document.documentElement.dataset.theme;
  return applied === 'light' || applied === 'dark' ? applied : 'auto';
}
