#!/usr/bin/env node
/** The `lsm` command. */
import { run } from './run.ts'
import { systemWorld } from './world.ts'

process.exitCode = await run(process.argv.slice(2), systemWorld())
