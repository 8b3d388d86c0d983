// Drives Chromium: reads a list of pages and what is to be done on them from stdin, writes what came of each to stdout.
//
//   {"url", "server" (it may ask this for more), "dark", "width", "height", "steps": [["type", "text"], ["press", "Enter"], ["click", x, y], ["wheel", dy],
//    ["text", "selector"], ["run", "JavaScript"], ["screenshot", "file"], ["pdf", "file"], ["script", "file"],
//    ["wait", "JavaScript that becomes true"]]}
//
// Of each page: {"results": [...], "problems": [...]}: errors, dialogs, and what it asked the network for.
import fs from "fs";
import { createRequire } from "module";

const puppeteer = createRequire(`${process.env.NODE_FOLDER}/`)("puppeteer-core");

async function doStep(page, [what, ...words]) {
  switch (what) {
    case "type": return page.keyboard.type(words[0]);
    case "press": return page.keyboard.press(words[0]);
    case "click": return page.mouse.click(words[0], words[1]);
    case "move": return page.mouse.move(words[0], words[1]);
    case "wheel": return page.mouse.wheel({ deltaY: words[0] });
    case "text": return page.$eval(words[0], (element) => element.textContent);
    case "run": return page.evaluate(words[0]);
    case "script": return void (await page.addScriptTag({ path: words[0] }));
    case "screenshot": return void (await page.screenshot({ path: words[0], clip: words[1] }));
    case "pdf": return void (await page.pdf({ path: words[0], preferCSSPageSize: true }));
    case "wait": return void (await page.waitForFunction(words[0], { timeout: 60000 }));
    default: throw new Error(`no step ${what}`);
  }
}

async function visit(browser, job) {
  const page = await browser.newPage();
  const problems = [];
  const results = [];
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("console", (line) => line.type() === "error" && problems.push(`console: ${line.text()}`));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const ours = job.server && request.url().replace(/^ws:/, "http:").startsWith(job.server);
    if (!ours && !/^(file|data|blob|about):/.test(request.url())) problems.push(`request: ${request.url()}`);
  });
  await page.setViewport({ width: job.width || 1200, height: job.height || 700 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: job.dark ? "dark" : "light" }]);
  await page.goto(job.url, { timeout: 60000 });
  for (const step of job.steps) {
    const result = await doStep(page, step).catch((error) => problems.push(`${step[0]}: ${error.message}`));
    results.push(result === undefined ? null : result);
  }
  await page.close();
  return { results, problems };
}

const jobs = JSON.parse(fs.readFileSync(0, "utf8"));
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"],
});
const done = [];
for (const job of jobs) done.push(await visit(browser, job));
await browser.close();
process.stdout.write(JSON.stringify(done));
