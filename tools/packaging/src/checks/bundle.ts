/** What bundlers make of the package: how small it gets, and whether it works where there is no Node.js. */
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { build, type Plugin } from 'esbuild'
import { allowedBytes, BUDGETS, judgeSize } from '../budgets.ts'
import { type Check, entriesOf, isCommand, type Subject } from '../subject.ts'

export const size: Check = {
  name: 'size',
  run: async (subject) => {
    const { name, packageName, folder, readme } = subject
    const { outputFiles } = await build({
      entryPoints: [join(folder, 'node_modules', packageName, 'dist', 'index.js')],
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      packages: 'external',
      logLevel: 'silent',
    })
    const bytes = gzipSync(outputFiles[0]?.contents ?? new Uint8Array(), { level: 9 }).length
    const budget = BUDGETS[name]
    return { problems: judgeSize(bytes, budget, readme), note: `${bytes} of ${allowedBytes(budget) ?? '?'} B` }
  },
}

export const browser: Check = {
  name: 'browser',
  isFor: (manifest) => !isCommand(manifest),
  run: async (subject) => {
    const entries = entriesOf(subject.packageName, subject.manifest)
    const problems = await Promise.all(entries.map(({ specifier }) => checkEntry(subject, specifier)))
    return { problems: problems.flat() }
  },
}

/** Every module of Node.js on the way into a bundle, with who imports it. */
function noteBuiltins(found: Set<string>): Plugin {
  return {
    name: 'note-builtins',
    setup(context) {
      context.onResolve({ filter: /.*/ }, ({ path, importer }) => {
        if (!isBuiltin(path)) return undefined
        found.add(`${path} (imported by ${importer.replaceAll('\\', '/').split('/node_modules/').at(-1)})`)
        return { path, external: true }
      })
    },
  }
}

/** Bundles an entry with all its dependencies for a browser and loads it where only the language and the web are. */
export async function checkEntry({ folder }: Pick<Subject, 'folder'>, specifier: string): Promise<string[]> {
  const builtins = new Set<string>()
  let code: string
  try {
    const { outputFiles } = await build({
      stdin: { contents: `export * from ${JSON.stringify(specifier)}`, resolveDir: folder },
      bundle: true,
      write: false,
      format: 'iife',
      globalName: 'bundled',
      platform: 'browser',
      logLevel: 'silent',
      plugins: [noteBuiltins(builtins)],
    })
    code = outputFiles[0]?.text ?? ''
  } catch (error) {
    return [`${specifier} does not bundle for a browser: ${(error as Error).message}`]
  }
  if (builtins.size > 0) return [...builtins].map((each) => `${specifier} in a browser's bundle reaches ${each}`)
  try {
    runInContext(code, createContext(webGlobals()))
  } catch (error) {
    return [`${specifier} does not load without Node.js: ${String(error)}`]
  }
  return []
}

/** Globals that browsers have and the language does not. No process, no Buffer, no require. */
function webGlobals(): Record<string, unknown> {
  const names = ['console', 'TextEncoder', 'TextDecoder', 'AbortController', 'AbortSignal', 'Event', 'EventTarget']
  names.push(
    'performance',
    'crypto',
    'structuredClone',
    'queueMicrotask',
    'setTimeout',
    'clearTimeout',
    'MessageChannel',
  )
  names.push('DOMException', 'URL', 'Blob', 'ReadableStream', 'CompressionStream')
  const globals = globalThis as unknown as Record<string, unknown>
  return Object.fromEntries(names.map((name) => [name, globals[name]]))
}
