/**
 * Given to a child by `--import`: prints each file that the process loads and whose address matches KNOT_TEST_WATCHED; by default
 * those of OpenTelemetry, apart from the interface (`@opentelemetry/api`), which the metrics library brings along.
 */
import { registerHooks } from 'node:module';

const watched = new RegExp(process.env.KNOT_TEST_WATCHED ?? '/@opentelemetry/(?!api/)');

registerHooks({
  load(url, context, next) {
    if (watched.test(url)) process.stderr.write(`loaded ${url}\n`);
    return next(url, context);
  },
});
