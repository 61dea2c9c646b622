"""The signs on the page Activity that something needs attention: alarms, findings, refused notifications, health."""
