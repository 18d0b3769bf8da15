/** The engine as a program ships it: two bundles side by side, of which Node.js can start the second as a worker. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

export type BuiltEngine = typeof import('../src/index.ts')

export interface WorkerBuild {
  /** Loads a copy of the engine with this code in its worker's place; `undefined` for the true one, `null` for none. */
  load(worker?: string | null): Promise<BuiltEngine>
  /** A directory for a store. */
  directory(): Promise<string>
  remove(): Promise<void>
}

export async function buildWithWorker(): Promise<WorkerBuild> {
  const root = await mkdtemp(join(tmpdir(), 'lsm-engine-worker-'))
  const source = join(import.meta.dirname, '..', 'src')
  await build({
    entryPoints: { index: join(source, 'index.ts'), 'compaction-worker': join(source, 'compaction-worker.ts') },
    outdir: join(root, 'true'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@lsm/source'],
    logLevel: 'error',
  })
  let copies = 0
  const worker = (folder: string): string => join(folder, 'compaction-worker.js')
  return {
    async load(code) {
      const folder = join(root, `copy-${copies++}`)
      await mkdir(folder)
      await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
      await copyFile(join(root, 'true', 'index.js'), join(folder, 'index.js'))
      await copyFile(worker(join(root, 'true')), code === undefined ? worker(folder) : join(folder, 'true-worker.js'))
      if (typeof code === 'string') await writeFile(worker(folder), code)
      return import(/* @vite-ignore */ pathToFileURL(join(folder, 'index.js')).href) as Promise<BuiltEngine>
    },
    directory: () => mkdtemp(join(root, 'store-')),
    remove: () => rm(root, { recursive: true, force: true }),
  }
}
