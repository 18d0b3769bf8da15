export { type Case, type Contender, type Suite, suite } from './suite.ts'
