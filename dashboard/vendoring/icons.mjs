// Writes the Lucide icons the pages use as CSS masks: they take the text's colour and need no request of their own.
import {copyFile, mkdir, readFile, writeFile} from "node:fs/promises";

const names = `
    arrow-down arrow-up arrow-up-right bot calendar chart-scatter check chevron-down chevron-right circle-dollar-sign code
    copy database download filter folder git-compare-arrows globe hash keyboard layers layout-dashboard link
    list-tree message-square moon radio refresh-cw rotate-ccw search settings shield-check sparkles sun sun-moon
    triangle-alert user wrench x zap
`.trim().split(/\s+/);
const assets = new URL("../spanledger_dashboard/assets/", import.meta.url);
const {version} = JSON.parse(await readFile("node_modules/lucide-static/package.json", "utf8"));

const rules = [
    `/* Generated from lucide-static ${version} (ISC licence, see licences/lucide.txt) by dashboard/vendoring/icons.mjs. */`,
    ".i{display:inline-block;width:16px;height:16px;flex:none;background:currentColor;" +
        "-webkit-mask:var(--i) center/contain no-repeat;mask:var(--i) center/contain no-repeat}",
];
for (const name of names) {
    const svg = (await readFile(`node_modules/lucide-static/icons/${name}.svg`, "utf8"))
        .replace(/<!--[\s\S]*?-->/g, "")
        .replace(/\s*class="[^"]*"/g, "")
        .replace('stroke-width="2"', 'stroke-width="1.75"')
        .replaceAll("currentColor", "#000")
        .replace(/\s+/g, " ")
        .trim();
    const encoded = encodeURIComponent(svg).replace(/%(20|3D|3A|2F|2C)/g, (code) => decodeURIComponent(code));
    rules.push(`.i-${name}{--i:url("data:image/svg+xml,${encoded}")}`);
}
await writeFile(new URL("00-icons.css", assets), rules.join("\n") + "\n");
await mkdir(new URL("licences/", assets), {recursive: true});
await copyFile("node_modules/lucide-static/LICENSE", new URL("licences/lucide.txt", assets));
console.log(`${names.length} icons`);
