// Copies the two variable fonts and their licences.
import {copyFile, mkdir} from "node:fs/promises";

const assets = new URL("../spanledger_dashboard/assets/", import.meta.url);
await mkdir(new URL("fonts/", assets), {recursive: true});
await mkdir(new URL("licences/", assets), {recursive: true});
for (const font of ["inter", "jetbrains-mono"]) {
    const from = `node_modules/@fontsource-variable/${font}`;
    for (const set of ["latin", "latin-ext"]) {
        const name = `${font}-${set}-wght-normal.woff2`;
        await copyFile(`${from}/files/${name}`, new URL(`fonts/${name}`, assets));
    }
    await copyFile(`${from}/LICENSE`, new URL(`licences/${font}.txt`, assets));
}
