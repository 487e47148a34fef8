"""What the naked body lacks: clothes and hair as offsets, the face laid on the photo, how cloth moves."""
