export { type FuzzOptions, fuzz } from './fuzz.ts'
export { IS_QUICK } from './settings.ts'
