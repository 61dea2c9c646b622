SELECT DISTINCT seq FROM changes ANTI JOIN notifications USING (seq) ORDER BY seq;
