/** What somebody asks for when they let somebody in. */

/** `isForPeople`: a link works for whoever has it, and cannot give it. */
export type RightChoice<Right extends string> = { value: Right; label: string; isForPeople?: boolean };

export type Wish<Right extends string> = { with: string; right: Right; days?: number; bindsBrowser?: boolean };

/** How long it may last, in days; '' for no end. */
export const endChoices = [
  { value: '1', label: 'One day' },
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '', label: 'Until it is ended' },
] as const;

export type EndChoice = (typeof endChoices)[number]['value'];
