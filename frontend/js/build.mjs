// Builds the committed bundle in ../static/build. The same sources and lockfile give the same
// bytes, so CI rebuilds and compares.
import { build } from "esbuild";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { createHash } from "node:crypto";

const here = dirname(fileURLToPath(import.meta.url));
process.chdir(here);
const out = join(here, "..", "static", "build");

const ICONS = readFileSync("icons.txt", "utf8").split("\n").map((s) => s.trim()).filter(Boolean);

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  metafile: true,
  charset: "utf8",
  legalComments: "none",
  target: ["es2022"],
  outdir: out,
  assetNames: "[name]-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
  loader: { ".graphql": "text", ".woff2": "file" },
};

/** One <symbol> per icon, so that a page pays for a name and not for a path. */
function writeSprite() {
  const symbols = ICONS.map((name) => {
    const svg = readFileSync(join("node_modules/lucide-static/icons", `${name}.svg`), "utf8");
    const body = svg.replace(/<!--[\s\S]*?-->/g, "").replace(/^[\s\S]*?<svg[^>]*>/, "")
      .replace(/<\/svg>\s*$/, "").replace(/\s+/g, " ").trim();
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" ` +
      `stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${body}</symbol>`;
  });
  symbols.push(readFileSync("src/mark.svg", "utf8").trim());
  const text = `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
  writeFileSync(join(out, `icons-${hash}.svg`), text);
  return `icons-${hash}.svg`;
}

function licences(inputs) {
  const packages = new Set(["lucide-static"]);
  for (const path of inputs) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
    if (found) packages.add(found[1]);
  }
  return [...packages].sort().map((name) => {
    const root = join("node_modules", name);
    const file = readdirSync(root).sort().find((f) => /^licen[cs]e/i.test(f));
    const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const text = file ? readFileSync(join(root, file), "utf8").trim() : `Licence: ${license}`;
    return `${name} ${version}\n\n${text.replace(/\r\n/g, "\n")}\n`;
  }).join("\n----------------------------------------\n\n");
}

if (existsSync(out)) rmSync(out, { recursive: true });
mkdirSync(out, { recursive: true });

const results = await Promise.all([
  build({
    ...common,
    entryPoints: { shell: "src/shell.jsx", run: "src/run.jsx", studio: "src/studio.jsx", bots: "src/bots.jsx", watch: "src/watch.jsx",
      explore: "src/explore.jsx" },
    entryNames: "[name]-[hash]",
    chunkNames: "chunk-[hash]",
    format: "esm",
    splitting: true,
    jsx: "automatic",
  }),
  build({ ...common, entryPoints: { theme: "src/theme.js" }, entryNames: "[name]-[hash]", format: "iife" }),
  build({
    ...common,
    entryPoints: { boot: "src/boot.js" },
    entryNames: "[name]-[hash]",
    format: "esm",
    external: ["/reactpy/*"],
  }),
  build({ ...common, entryPoints: { app: "src/styles/app.css" }, entryNames: "[name]-[hash]" }),
]);

const files = {};
const imports = {};
for (const { metafile } of results) {
  for (const [path, info] of Object.entries(metafile.outputs)) {
    const file = basename(path);
    if (info.entryPoint) {
      const name = file.replace(/-[A-Z0-9]{8}(\.\w+)$/, "$1");
      files[name] = file;
      imports[name] = info.imports.filter((i) => i.kind === "import-statement" && !i.external)
        .map((i) => basename(i.path)).sort();
    } else if (/^(inter-latin|jetbrains-mono-latin)-(opsz|wght)-normal-/.test(file)) {
      files[file.replace(/-[A-Z0-9]{8}(\.\w+)$/, "$1")] = file;
    }
  }
}
files["icons.svg"] = writeSprite();
const inputs = results.flatMap((r) => Object.keys(r.metafile.inputs));
writeFileSync(join(out, "licences.txt"), licences(inputs));
const sorted = (o) => Object.fromEntries(Object.entries(o).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(join(out, "manifest.json"),
  JSON.stringify({ files: sorted(files), imports: sorted(imports) }, null, 2) + "\n");
console.log(`built ${readdirSync(out).length} files into ${relative(here, out)}`);
