#!/usr/bin/env node
/** The `lsm` command. */
import { run } from './run.ts'
import { systemWorld } from './world.ts'

const world = systemWorld()
process.exitCode = await run(process.argv.slice(2), world)
// What a reader that pauses has not taken yet would keep the process.
if (world.interrupted.aborted) process.exit()
