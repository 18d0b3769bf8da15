/** `lsm flush`, `lsm compact` and `lsm verify`. */

import type { Stats } from '@lsm/engine'
import type { Command } from 'commander'
import {
  addCommonOptions,
  addEncodings,
  addRange,
  addReadOnly,
  type Cli,
  type CommonFlags,
  type RangeFlags,
  rangeOf,
  withStore,
} from '../cli.ts'
import { type Fact, formatFacts } from '../table.ts'

export function addMaintenanceCommands(program: Command, cli: Cli): void {
  const flush = program.command('flush').description('write what is in memory as tables')
  addCommonOptions(flush).action(async (_: unknown, command: Command) => {
    const flags: CommonFlags = command.optsWithGlobals()
    const stats = await withStore(cli, flags, { create: false }, async (store) => {
      await store.flush()
      return store.stats()
    })
    const { count, bytesWritten } = stats.flushes
    await report(cli, flags, [
      ['flushes', count],
      ['bytes written', bytesWritten, 'bytes'],
    ])
  })

  const compact = program
    .command('compact')
    .description('merge all tables, or those of a range, into the deepest level')
  addRange(addEncodings(addCommonOptions(compact))).action(async (_: unknown, command: Command) => {
    await runCompact(cli, command.optsWithGlobals())
  })

  const verify = program
    .command('verify')
    .description(
      'read every byte of the store, as with --read-only, and check every checksum; exit code 1 where one is wrong',
    )
  addReadOnly(addCommonOptions(verify)).action(async (_: unknown, command: Command) => {
    const flags: CommonFlags = command.optsWithGlobals()
    // Opening for writing cuts a torn log and removes what no manifest names: a damaged store is to stay as it is.
    const how = { create: false, options: { readOnly: true } }
    const found = await withStore(cli, flags, how, (store) => store.verify())
    await report(cli, flags, [
      ['tables', found.tables],
      ['blocks', found.blocks],
      ['records', found.records],
      ['bytes', found.bytes, 'bytes'],
      ['log segments', found.walSegments],
    ])
    cli.say(flags, 'every checksum is right')
  })
}

async function runCompact(cli: Cli, flags: CommonFlags & RangeFlags): Promise<void> {
  const range = rangeOf(flags)
  const [before, after] = await withStore(cli, flags, { create: false }, async (store) => {
    const first = store.stats()
    await (Object.keys(range).length > 0 ? store.compact(range) : store.compact())
    return [first, store.stats()]
  })
  await report(cli, flags, [
    ['compactions', after.compactions.count - before.compactions.count],
    ['moves', after.compactions.moves - before.compactions.moves],
    ['bytes read', after.compactions.bytesRead - before.compactions.bytesRead, 'bytes'],
    ['bytes written', after.compactions.bytesWritten - before.compactions.bytesWritten, 'bytes'],
    ['records dropped', after.compactions.recordsDropped - before.compactions.recordsDropped],
    ['size before', tableBytes(before), 'bytes'],
    ['size after', tableBytes(after), 'bytes'],
  ])
}

function tableBytes({ levels }: Stats): number {
  return levels.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
}

/** Names in JSON are the same, in camel case. */
async function report({ out }: Cli, flags: CommonFlags, facts: readonly Fact[]): Promise<void> {
  const camel = (name: string): string => name.replace(/ (.)/g, (_, letter: string) => letter.toUpperCase())
  const text =
    flags.json === true
      ? `${JSON.stringify(Object.fromEntries(facts.map(([name, value]) => [camel(name), value])))}\n`
      : formatFacts(facts, { isTerminal: out.isTerminal })
  await out.write(text)
}
