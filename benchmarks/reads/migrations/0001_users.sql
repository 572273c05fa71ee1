create table users (id bigint primary key, name text not null, visits int not null default 0);
