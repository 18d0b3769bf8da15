import { compareBytes } from '@lsm/encoding'
import { fuzz } from '@lsm/fuzz'
import fc from 'fast-check'
import { expect } from 'vitest'
import { SortedKeys } from '../src/sorted-keys.ts'

const arbBytes = fc.oneof(
  fc.uint8Array({ maxLength: 9 }),
  // Zeros, of which a number that stands for bytes cannot tell how many there were.
  fc.array(fc.constantFrom(0, 0, 0, 1, 255), { maxLength: 9 }).map((each) => Uint8Array.from(each)),
)

fuzz(
  import.meta.url,
  'keys up to another are counted as one by one, whatever they start with',
  fc.property(
    fc.uint8Array({ maxLength: 8 }),
    // Few are searched as bytes, many as numbers.
    fc.array(arbBytes, { maxLength: 120, size: 'max' }),
    fc.array(arbBytes, { minLength: 1, maxLength: 20 }),
    (common, tails, strangers) => {
      const sorted = tails.map((tail) => Uint8Array.of(...common, ...tail)).sort(compareBytes)
      const keys = sorted.filter((key, i) => i === 0 || compareBytes(sorted[i - 1]!, key) !== 0)
      const asked = new SortedKeys(keys)
      const cut = Array.from(common, (_, length) => common.subarray(0, length))
      const alike = strangers.map((each) => Uint8Array.of(...common, ...each))
      for (const key of [...keys, ...cut, ...strangers, ...alike]) {
        expect(asked.countUpTo(key)).toBe(keys.filter((each) => compareBytes(each, key) <= 0).length)
      }
    },
  ),
  { runs: 300, capMs: 4000 },
)
