export * from './errors.ts'
export {
  type MigrateOneOptions,
  type MigrateOptions,
  type MigrateResult,
  type MigrationStatus,
  migrate,
  migrateClusters,
  migrationStatus,
} from './migrate.ts'
export { migrationFile } from './new-file.ts'
