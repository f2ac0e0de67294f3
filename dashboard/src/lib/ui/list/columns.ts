import type { Component } from 'svelte';

export type Column<K extends string = string> = {
  key: K;
  title: string;
  /** What the gateway sorts by it. */
  sort?: string;
  /** Whether the first press on it shows the greatest first, as one expects of times and numbers. */
  startsDescending?: boolean;
  /**
   * Where the cell stands on a phone, where a row has two lines: `main` and `aside` on the first, `second` and `extra` on the other,
   * or nowhere.
   */
  place: 'main' | 'aside' | 'second' | 'extra' | 'hidden';
};

/** What can be done to rows, one or many: the same act in the menu of a row and above the list. */
export type Act<T> = {
  label: string;
  icon: Component<{ 'aria-hidden'?: 'true' }>;
  /** Whether it is an act for this row at all. */
  fits: (row: T) => boolean;
  /** Why it cannot be done to this row just now. */
  reason?: (row: T) => string | undefined;
  isDangerous?: boolean;
  /** It asks something or shows something of one row, and is not offered for many. */
  isForOne?: boolean;
  /** A row has a button for it beside its menu: it is offered for chosen rows only. */
  isForMany?: boolean;
  act: (rows: readonly T[]) => unknown;
};

export const canDo = <T>({ fits, reason }: Act<T>, row: T): boolean => fits(row) && reason?.(row) === undefined;

/** The acts for a row as entries of its menu. */
export function menuOf<T>(acts: readonly Act<T>[], row: T) {
  return acts
    .filter((act) => !act.isForMany && act.fits(row))
    .map((act) => {
      const reason = act.reason?.(row);
      const { label, icon, isDangerous = false } = act;
      return { label, icon, isDangerous, act: () => act.act([row]), ...(reason === undefined ? {} : { reason }) };
    });
}

/** How a list goes on: by numbers where the count is known, else to older and back to the newest. */
export type Paging =
  | { page: number; pageSize: number; total: number; hrefOf: (page: number) => string }
  | { newest: string | undefined; older: string | undefined };

export type Chip = { label: string; href: string; isChosen: boolean; count?: number; isMore?: boolean };
