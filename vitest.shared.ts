import { join } from 'node:path'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** The one vitest configuration: tests run on the TypeScript sources, with no build before them. */
export function projectConfig(root: string): ViteUserConfig {
  const source = '@lsm/source'
  const conditions = [source, 'module', 'node', 'import', 'default']
  return defineConfig({
    root,
    cacheDir: 'node_modules/.vite',
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: [source] } },
    test: {
      include: ['test/**/*.test.ts'],
      testTimeout: 300_000,
      hookTimeout: 60_000,
      // Nx runs the projects side by side; one worker each is enough for two cores.
      maxWorkers: 1,
      reporters: ['default', 'json'],
      outputFile: { json: join(root, '.cache', 'vitest.json') },
    },
  })
}
