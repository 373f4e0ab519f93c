// Lets Node find the page's modules: `node --import ./tests/js/node.js --test tests/js/*.test.js`.

import { register } from "node:module";

const MODULES = new URL("../../scans/static/scans/", import.meta.url);

const hooks = `
  export function resolve(specifier, context, next) {
    const name = specifier.startsWith("/static/scans/") && specifier.slice("/static/scans/".length);
    return next(name ? new URL(name, ${JSON.stringify(MODULES.href)}).href : specifier, context);
  }`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
