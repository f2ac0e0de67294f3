/**
 * Given to a child by `--import`: prints each file of OpenTelemetry that the process loads, apart from the interface
 * (`@opentelemetry/api`), which the metrics library brings along.
 */
import { registerHooks } from 'node:module';

registerHooks({
  load(url, context, next) {
    if (/\/@opentelemetry\/(?!api\/)/.test(url)) process.stderr.write(`loaded ${url}\n`);
    return next(url, context);
  },
});
