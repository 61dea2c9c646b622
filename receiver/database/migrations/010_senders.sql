-- The senders that the program knows, for pages, which know the store alone. The store's process writes it at each start.
CREATE TABLE senders (
    name VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    description JSON NOT NULL
);
