SELECT seq, strlen(payload) FROM notifications WHERE seq IN (SELECT unnest(?));
