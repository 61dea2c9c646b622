// Bundles the editor: `node build.mjs` writes codemirror.js and LICENSES.txt beside this file.
// Packages come with the exact versions of package.json, into a directory that is thrown away.

import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const work = mkdtempSync(join(tmpdir(), "clc-editor-"));
try {
  for (const name of ["package.json", "source.js"]) copyFileSync(join(here, name), join(work, name));
  execFileSync("npm", ["install", "--no-package-lock", "--no-audit", "--no-fund"], { cwd: work, stdio: "inherit" });
  const { build } = createRequire(join(work, "package.json"))("esbuild");
  const made = await build({
    absWorkingDir: work,
    entryPoints: ["source.js"],
    outfile: join(here, "codemirror.js"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    banner: { js: "// Made by build.mjs from source.js and CodeMirror's packages (MIT, see LICENSES.txt)." },
  });
  const bundled = new Set(
    Object.keys(made.metafile.inputs).map((path) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]),
  );
  const pinned = JSON.parse(readFileSync(join(here, "package.json"), "utf8")).dependencies;
  const licences = [...bundled].filter(Boolean).sort().map((name) => {
    const folder = join(work, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (pinned[name] !== version) throw new Error(`${name} ${version} is bundled but not pinned in package.json`);
    const file = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((name) => join(folder, name)).find(existsSync);
    if (!file) throw new Error(`${name} has no licence text`);
    return `${name} ${version} (${license})\n\n${readFileSync(file, "utf8").trim()}\n`;
  });
  writeFileSync(join(here, "LICENSES.txt"), licences.join(`\n${"-".repeat(80)}\n\n`));
} finally {
  rmSync(work, { recursive: true, force: true });
}
