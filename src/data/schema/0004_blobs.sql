-- Which blobs are needed, and under which name of the application's. A row belongs to the bucket of the transaction
-- that wrote it (-1: home tables) and moves with it. A blob that no cluster has a row for is deleted.
create table tenfold.blob_refs (
  blob bytea not null check (length(blob) = 32),
  name text not null,
  bucket int not null,
  tag int not null,
  primary key (blob, name, bucket, tag)
);
