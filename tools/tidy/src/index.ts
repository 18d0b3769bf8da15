export { extractExample } from './markdown.ts'
export { machinePath } from './rules/leaks.ts'
export { type Manifest, openWorkspace, type Project, packagesOf } from './workspace.ts'
