#!/usr/bin/env node
// `kubectl rolecall COMMAND` for those who have Node; what runs is src/main.ts.
import "./node_version.js";
await import("../src/main.ts");
