/** The stylesheet of the pages outside the dashboard. Same tokens as `dashboard/src/app.css`; see a test. */
export const pageStyle = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0}main{max-width:26rem;margin:12vh auto;padding:0 1.25rem}`;
