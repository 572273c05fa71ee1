// Written by `tenfold types` from the database; do not edit.

import type { ColumnType } from 'kysely'

export interface Notes {
  topic: string
  id: string
  text: string
  created_at: ColumnType<Date, Date | string | undefined, Date | string>
}

export interface Schema {
  notes: Notes
}
