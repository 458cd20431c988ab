#!/usr/bin/env node
// kubectl calls this for `kubectl rolecall <TAB>`; what runs is src/main.ts.
import "./node_version.js";

process.argv.splice(2, 0, "__complete");
await import("../src/main.ts");
