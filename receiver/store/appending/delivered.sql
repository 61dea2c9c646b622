SELECT seq FROM delivery_ids WHERE key IN (SELECT unnest(?::BIGINT[]));
