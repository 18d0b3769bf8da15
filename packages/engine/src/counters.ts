/** What the engine counts: plain numbers, so that counting is an increment. */
import { Histogram } from './histogram.ts'

export class Counters {
  batches = 0
  operations = 0
  userBytes = 0
  gets = 0
  memtableHits = 0
  filterSkips = 0
  blockReads = 0
  flushes = 0
  flushBytes = 0
  compactions = 0
  moves = 0
  compactionBytesRead = 0
  compactionBytesWritten = 0
  recordsDropped = 0
  delayed = 0
  stopped = 0
  readonly flushLatency: Histogram = new Histogram()
  readonly compactionLatency: Histogram = new Histogram()
  readonly stallLatency: Histogram = new Histogram()
}
