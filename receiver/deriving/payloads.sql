SELECT seq, payload FROM notifications WHERE seq IN (SELECT unnest(?));
