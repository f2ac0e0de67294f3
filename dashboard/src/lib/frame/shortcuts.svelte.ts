/** The keys of the page that is shown, for the list of shortcuts. */
export type Shortcut = { keys: string[]; does: string };

class PageShortcuts {
  shown = $state.raw<{ title: string; rows: readonly Shortcut[] }>();

  /** Shows these until the returned function is called. */
  show(title: string, rows: readonly Shortcut[]): () => void {
    const mine = { title, rows };
    this.shown = mine;
    return () => {
      if (this.shown === mine) this.shown = undefined;
    };
  }
}

export const pageShortcuts = new PageShortcuts();
