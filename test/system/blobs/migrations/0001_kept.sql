create table kept (
  name text primary key,
  blob text not null,
  times int not null default 1
);
