-- Rows leave a node's disk when they are committed here, so the server must have synced them by then.
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off';

-- When a node's network is cut in a transaction, the server must end that soon: it holds the locks that the node's next
-- transaction waits for, and at its end the one that those of all nodes wait for.
SET idle_in_transaction_session_timeout = '10s';
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;

-- Compiling a query takes up to a second where the server believes that it reads many rows, and new rows wait meanwhile.
SET jit = off;
