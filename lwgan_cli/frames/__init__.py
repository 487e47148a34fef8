"""Pictures and videos in and out, streaming: `photo`, `clip`, `output`, `video`."""
