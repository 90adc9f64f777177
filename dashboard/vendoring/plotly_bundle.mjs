// Builds the Plotly bundle the pages load: only the traces they draw, with the precompiled ("strict") WebGL
// shaders, because the stock bundle compiles shaders with `new Function`, which the pages' CSP forbids.
import {mkdir, readFile, writeFile, copyFile} from "node:fs/promises";
import {createRequire} from "node:module";
import {brotliCompressSync, constants} from "node:zlib";
import esbuild from "esbuild";

const require = createRequire(import.meta.url);
const {environmentPlugin} = require("esbuild-plugin-environment");
const {glsl} = require("esbuild-plugin-glsl");
const inlineCss = require("esbuild-plugin-inline-css");

const target = new URL("../spanledger_dashboard/vendor/plotly/", import.meta.url);
await mkdir(target, {recursive: true});

const {outputFiles} = await esbuild.build({
    entryPoints: ["plotly_entry.cjs"],
    format: "iife",
    globalName: "Plotly",
    bundle: true,
    minify: true,
    legalComments: "inline",
    write: false,
    plugins: [inlineCss(), glsl({minify: true}), environmentPlugin({NODE_DEBUG: false})],
    alias: {regl: "@plotly/regl", stream: "stream-browserify"},
    define: {global: "window", "define.amd": "false"},
    target: "es2016",
});
const version = require("plotly.js/package.json").version;
const banner = `/* plotly.js v${version}, Copyright Plotly, Inc., MIT licence; a custom bundle, see LICENSE.txt beside it */\n`;
const bundle = Buffer.concat([Buffer.from(banner), Buffer.from(outputFiles[0].contents)]);
// Only the compressed form is kept: the server hands it out as it is.
await writeFile(
    new URL("plotly-strict.min.js.br", target),
    brotliCompressSync(bundle, {params: {[constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24}}),
);
await copyFile("node_modules/plotly.js/LICENSE", new URL("LICENSE.txt", target));
console.log(`plotly ${version}: ${bundle.length} bytes`);
