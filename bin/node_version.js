// Ends with one line on a Node that can't run TypeScript sources. Plain JavaScript, so that any Node
// can say so; everything else is imported after it.
const [major, minor] = process.versions.node.split(".").map(Number);
const runsTypeScript = major > 22 || (major === 22 && minor >= 19);
if (process.versions.deno === undefined && !runsTypeScript) {
  console.error(
    `rolecall needs Node 22.19 or later, or Deno 2.9; this is Node ${process.versions.node}. ` +
      "With npm alone, `npx -y deno@2.9.6 task -q dev` brings its own Deno",
  );
  process.exit(1);
}
