-- The run that speaks for a node: a machine that was cloned has the same id and name. None for a program of version 2.
ALTER TABLE clc_spool.nodes ADD COLUMN run UUID;

UPDATE clc_spool.about SET version = 3;
