-- Every row of a payment is inserted once or the primary key says so.
create table wallets (
  owner_id bigint primary key,
  balance int not null default 1000,
  receipts int not null default 0,
  version int not null default 1
);
create table payments (owner_id bigint, id text, amount int not null, primary key (owner_id, id));
create table credits (owner_id bigint, id text, amount int not null, primary key (owner_id, id));
create table receipts (owner_id bigint, id text, primary key (owner_id, id));
