-- All of this holds until the end of a transaction: behind a pooler the next one may have another connection to the server,
-- and others get this one.

-- Rows leave a node's disk when they are committed here, so the server must have synced them by then.
SELECT set_config('synchronous_commit', 'on', true)
WHERE current_setting('synchronous_commit') = 'off';

-- When a node's network is cut in a transaction, the server must end that soon: it holds the locks that the node's next
-- transaction waits for, and at its end the one that those of all nodes wait for.
SET LOCAL idle_in_transaction_session_timeout = '10s';
SET LOCAL tcp_keepalives_idle = 10;
SET LOCAL tcp_keepalives_interval = 5;
SET LOCAL tcp_keepalives_count = 3;

-- While a standby is away that the server waits for, no commit ends, and each later try waits for the locks of the one before.
-- A node gives the connection of each up, but the server would not notice, until it has no connection left for anybody.
SET LOCAL lock_timeout = '8s';

-- Compiling a query takes up to a second where the server believes that it reads many rows, and new rows wait meanwhile.
SET LOCAL jit = off;
