export { LAYERS, type LayerRow, layerOf } from './layers.ts'
export { type CodeBlock, codeBlocks, extractExample } from './markdown.ts'
export { type Manifest, openWorkspace, type Project, packagesOf, type Workspace } from './workspace.ts'
