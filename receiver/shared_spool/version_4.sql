-- By how many seconds the clock of a node is ahead of the server's; behind it, if less than 0. None as long as it is not known.
ALTER TABLE clc_spool.nodes ADD COLUMN clock_ahead DOUBLE PRECISION;

UPDATE clc_spool.about SET version = 4;
