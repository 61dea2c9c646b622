"""What on the page Activity needs somebody's attention: alarms, findings, refused notifications, health."""
