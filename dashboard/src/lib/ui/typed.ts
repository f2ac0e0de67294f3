/** Whether somebody typed into a form of a dialog: that is not thrown away by a press beside it. */
export function hasTyped(dialog: HTMLDialogElement): boolean {
  return [...dialog.querySelectorAll<HTMLInputElement>('.content form :is(input, textarea)')].some(
    ({ value, defaultValue }) => value !== defaultValue,
  );
}
