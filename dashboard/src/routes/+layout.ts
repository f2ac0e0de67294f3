/** Everything is rendered in the browser: the gateway hands out files only. */
export const ssr = false;
