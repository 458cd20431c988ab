#!/usr/bin/env node
// The program for Node; what runs is src/main.ts.
import "./node_version.js";
await import("../src/main.ts");
