import type { Rule } from './finding.ts'
import { fileLength, fileNames, files } from './rules/files.ts'
import { imports } from './rules/imports.ts'
import { leaks } from './rules/leaks.ts'
import { links } from './rules/links.ts'
import { manifests } from './rules/manifests.ts'
import { marks } from './rules/marks.ts'
import { projects } from './rules/projects.ts'
import { readmes } from './rules/readmes.ts'
import { workflows } from './rules/workflows.ts'

/** Every rule of the house, in the order in which they are reported. */
export const RULES: readonly Rule[] = [
  imports,
  projects,
  manifests,
  files,
  fileLength,
  fileNames,
  readmes,
  links,
  leaks,
  marks,
  workflows,
]
