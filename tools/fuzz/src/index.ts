export { type FuzzOptions, fuzz } from './fuzz.ts'
