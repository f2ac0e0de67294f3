/**
 * catalogue: what can be launched.
 * Owns: reading templates (Helm chart folders, with `process.yaml` for those that run without Kubernetes), the schema of their
 * values, written or inferred, which of these an engine asks for, filling in the placeholders of a command.
 * Does not own: launching (services), whose folders of templates there are (app), the form (dashboard).
 * Mounts: nothing.
 *
 *   packed charts of a registry ─▶ shelf ─▶ folder (in memory)
 *   folder ─▶ files ─┬─▶ Chart.yaml ─────────▶ name, version, title
 *                    ├─▶ values.yaml ────────▶ defaults ─┐
 *                    ├─▶ values.schema.json ─▶ schema ◀──┘ inferred when there is none
 *                    ├─▶ process.yaml ───────▶ command, readiness, needs
 *                    └─▶ templates/ ─────────▶ that it runs on Kubernetes, by Helm
 */
export { type Catalogue, createCatalogue, readTemplateAt, type TemplateSource } from './catalogue.ts';
export { type ChartRegistry, type ChartShelf, createChartShelves, type RegistryChart } from './chart-shelf.ts';
export { diskFolder, readWhole } from './folder.ts';
export { fillIn } from './placeholders.ts';
export { isUsable, type Origin, runsBy, type Template, templateId, type TemplateProblem } from './template.ts';
